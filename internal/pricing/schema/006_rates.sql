-- +goose Up
alter table fx_rates add column set_by text not null default '';
alter table fx_rates add column reason text not null default '';
alter table fx_rates add column undone_by text not null default '';
alter table fx_rates add column undone_at timestamp;

-- tries to fetch rates from their source
create table fx_fetches (
	id     text      primary key,
	at     timestamp not null,
	url    text      not null,
	ok     boolean   not null,
	read   bigint    not null,
	kept   bigint    not null,
	fault  text      not null,
	detail text      not null
);
create index fx_fetches_age on fx_fetches (at, id);
