-- +goose Up
-- What stands beside consent boxes. Versions are only ever added; the latest is shown.
create table consent_wordings (
	id      text      primary key,
	market  text      not null,
	lang    text      not null,
	channel text      not null,
	class   text      not null,
	version bigint    not null,
	text    text      not null,
	at      timestamp not null,
	by_whom text      not null,
	unique (market, lang, channel, class, version)
);

-- What proves a consent that was given elsewhere: when, where, by what record.
alter table consents add column proof text not null default '';

create table consent_imports (
	id         text      primary key,
	name       text      not null,
	by_whom    text      not null,
	market     text      not null,
	dry        boolean   not null,
	body       text      not null, -- empty once it is done
	lines      bigint    not null,
	done       bigint    not null,
	added      bigint    not null,
	known      bigint    not null,
	silent     bigint    not null,
	refused    bigint    not null,
	created_at timestamp not null,
	ended_at   timestamp
);

create table consent_import_faults (
	import text   not null,
	line   bigint not null,
	field  text   not null,
	code   text   not null,
	value  text   not null,
	primary key (import, line)
);
