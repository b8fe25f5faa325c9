-- +goose Up
create index river_job_due on river_job (cast(metadata->>'due' as bigint)) where state in ('scheduled', 'retryable');
create index river_job_subject on river_job ((metadata->>'subject')) where metadata->>'subject' is not null;
