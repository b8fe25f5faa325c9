-- +goose Up
-- Chats with a bot that people have begun from the page of their order.
create table chats (
	chat     text      primary key, -- as the provider calls it
	account  text      not null,
	customer text      not null,
	lang     text      not null,
	at       timestamp not null
);
create index chats_customer on chats (customer);
