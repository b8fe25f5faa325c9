-- +goose Up
-- What became of what people wrote is kept by package support.
alter table inbound_messages drop column handled_at;
alter table inbound_messages drop column handled_by;
