-- +goose Up
-- Versions of the texts by which a trial was run, as those of journey_versions; empty: it isn't known, so that the trial counts as old.
alter table journey_trials add column texts text not null default '';
