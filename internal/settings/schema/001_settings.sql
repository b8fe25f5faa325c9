-- +goose Up
create table settings (
	key   text      primary key,
	value jsonb     not null,
	at    timestamp not null
);
create table setting_versions (
	name    text   primary key,
	version bigint not null
);
