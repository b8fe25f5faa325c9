-- +goose Up
-- What was sent, waits for a receipt and goes by another channel if none comes in time.
create index messages_awaited on messages (due_at) where state = 'sent' and due_at is not null;
