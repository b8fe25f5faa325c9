-- +goose Up
-- Tables that many rows go into are kept in the order of their key, once, instead of beside it.
create table lean_attempts (
	id          text      primary key,
	message     text      not null,
	n           bigint    not null,
	route       text      not null,
	provider    text      not null,
	sender      text      not null,
	outcome     text      not null,
	trouble     text      not null,
	code        text      not null,
	detail      text      not null,
	repeat      boolean   not null,
	started_at  timestamp not null,
	answered_at timestamp,
	unique (message, n)
) without rowid;
insert into lean_attempts (id, message, n, route, provider, sender, outcome, trouble, code, detail, repeat, started_at, answered_at)
	select id, message, n, route, provider, sender, outcome, trouble, code, detail, repeat, started_at, answered_at from message_attempts order by id;
drop table message_attempts;
alter table lean_attempts rename to message_attempts;

create table lean_refs (
	provider  text   not null,
	ref       text   not null,
	attempt   text   not null,
	part      bigint not null,
	given     text   not null,
	message   text   not null,
	recipient text   not null,
	state     text   not null,
	parts     bigint not null default 1,
	primary key (attempt, part)
) without rowid;
insert into lean_refs (provider, ref, attempt, part, given, message, recipient, state, parts)
	select provider, ref, attempt, part, given, message, recipient, state, parts from message_refs order by attempt, part;
drop table message_refs;
alter table lean_refs rename to message_refs;
create index message_refs_ref on message_refs (provider, ref);

create table lean_receipts (
	id       text      not null,
	provider text      not null,
	ref      text      not null,
	normal   text      not null,
	phone    text      not null,
	state    text      not null,
	code     text      not null,
	raw      text      not null,
	at       timestamp,
	message  text      not null,
	seen_at  timestamp not null,
	primary key (ref, provider, state)
) without rowid;
insert into lean_receipts (id, provider, ref, normal, phone, state, code, raw, at, message, seen_at)
	select id, provider, ref, normal, phone, state, code, raw, at, message, seen_at from message_receipts order by ref, provider, state;
drop table message_receipts;
alter table lean_receipts rename to message_receipts;
create index message_receipts_id on message_receipts (id) where message = '';
create index message_receipts_parked on message_receipts (provider, normal) where message = '';
create index message_receipts_message on message_receipts (message) where message <> '';
