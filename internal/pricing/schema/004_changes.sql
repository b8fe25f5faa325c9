-- +goose Up
create table price_changes (
	id              text      primary key,
	market          text      not null,
	sku             text      not null,
	kind            text      not null,
	reason          text      not null,
	made_by         text      not null,
	made_at         timestamp not null,
	currency        text      not null,
	before_minor    bigint    not null,
	before_was      bigint    not null,
	before_override bigint    not null,
	before_factor   text      not null,
	after_minor     bigint    not null,
	run             text      not null,
	undone_by       text      not null default '',
	undone_at       timestamp
);
create index price_changes_latest on price_changes (market, sku, made_at);
