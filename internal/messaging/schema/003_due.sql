-- +goose Up
-- When a queued message is to be taken in hand next; while it is in hand, until when nobody else takes it.
alter table messages add column due_at timestamp;
create index messages_due on messages (due_at) where state = 'queued';
-- How many parts the attempt had.
alter table message_refs add column parts bigint not null default 1;
