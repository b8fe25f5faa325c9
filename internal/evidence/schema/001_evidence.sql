-- +goose Up
create table evidence_exports (
	id         text      primary key,
	market     text      not null,
	from_at    timestamp not null,
	until_at   timestamp not null,
	by_whom    text      not null,
	stage      text      not null, -- consents, messages, heard, done
	after_key  text      not null,
	after_seq  bigint    not null,
	total      bigint    not null,
	done       bigint    not null,
	created_at timestamp not null,
	ended_at   timestamp
);

create table evidence_parts (
	export text   not null,
	n      bigint not null,
	body   text   not null, -- JSON
	primary key (export, n)
);

-- Who looked at whose evidence.
create table evidence_views (
	id      text      primary key,
	at      timestamp not null,
	by_whom text      not null,
	subject text      not null,
	format  text      not null
);
create index evidence_views_at on evidence_views (at, id);
