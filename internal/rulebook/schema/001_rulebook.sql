-- +goose Up
create table rule_book (
	id  bigint primary key,
	seq bigint not null
);
insert into rule_book (id, seq) values (1, 0);
create table rule_changes (
	seq     bigint    primary key,
	id      text      not null unique,
	at      timestamp not null,
	who     text      not null,
	source  text      not null,
	reason  text      not null,
	changes text      not null,
	undoes  text      not null default '',
	pack    text      not null
);
create table rule_imports (
	id         text      primary key,
	seq        bigint    not null default 0,
	table_name text      not null default '',
	file       text      not null,
	who        text      not null,
	at         timestamp not null,
	skip_bad   boolean   not null,
	state      text      not null,
	done_rows  bigint    not null default 0,
	bytes      bigint    not null,
	result     text      not null default '{}',
	problems   text      not null default '[]',
	ended_by   text      not null default '',
	ended_at   timestamp
);
create index rule_imports_latest on rule_imports (at, id);
create table rule_import_files (
	import text  primary key,
	body   bytea not null
);
create table rule_packs (
	version text      primary key,
	since   timestamp not null,
	tables  text      not null,
	imports text      not null
);
create table rule_tables (
	hash text  primary key,
	body bytea not null
);
