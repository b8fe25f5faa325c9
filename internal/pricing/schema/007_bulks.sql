-- +goose Up
create table price_bulks (
	id            text      primary key,
	market        text      not null,
	reason        text      not null,
	made_by       text      not null,
	made_at       timestamp not null,
	before_factor text      not null,
	before_round  text      not null,
	after_factor  text      not null,
	after_round   text      not null,
	changed       bigint    not null,
	run           text      not null,
	undone_by     text      not null default '',
	undone_at     timestamp
);
create index price_bulks_latest on price_bulks (made_at, id);
