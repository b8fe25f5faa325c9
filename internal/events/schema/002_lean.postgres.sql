-- +goose Up
-- Only the forgetting of old events looked for subjects by time, and may take longer.
drop index event_subjects_at;
