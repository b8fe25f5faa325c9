-- +goose Up
-- Keys of templates that the merchant made.
create table message_keys (
	key     text      primary key,
	title   text      not null,
	class   text      not null,
	vars    text      not null, -- JSON: name, type
	made_by text      not null,
	made_at timestamp not null
);

-- Words over the built-in ones. Rows are only added; the largest n of a key, language and channel is in force.
create table message_texts (
	id      text      primary key,
	key     text      not null,
	lang    text      not null,
	channel text      not null, -- email, or sms for everything short
	n       bigint    not null,
	builtin boolean   not null, -- the program's own words again
	words   text      not null, -- JSON
	who     text      not null,
	why     text      not null,
	at      timestamp not null,
	unique (key, lang, channel, n)
);

-- Words somebody is still writing.
create table message_text_drafts (
	key     text      not null,
	lang    text      not null,
	channel text      not null,
	words   text      not null,
	who     text      not null,
	at      timestamp not null,
	primary key (key, lang, channel)
);

-- Language and version of the words that a message was written with.
alter table messages add column text_version text not null default '';
