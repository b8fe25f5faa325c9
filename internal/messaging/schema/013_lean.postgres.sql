-- +goose Up
-- Nobody looks for a provider's names by message.
drop index message_refs_message;
