-- +goose Up
-- Robots and previews that opened a message's link, apart from people.
alter table messages add column robots bigint not null default 0;
