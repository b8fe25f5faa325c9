-- +goose Up
-- The journal is kept in the order of its keys, once, instead of beside it.
create table lean_events (
	id    text      primary key,
	topic text      not null,
	body  text      not null,
	at    timestamp not null,
	seq   bigint    not null
) without rowid;
insert into lean_events (id, topic, body, at, seq) select id, topic, body, at, seq from events order by id;
drop table events;
alter table lean_events rename to events;
create index events_topic on events (topic, at, seq);
create index events_at on events (at, seq);
create table lean_subjects (
	subject  text      not null,
	at       timestamp not null,
	seq      bigint    not null,
	event_id text      not null,
	primary key (subject, at, seq)
) without rowid;
insert into lean_subjects (subject, at, seq, event_id) select subject, at, seq, event_id from event_subjects order by subject, at, seq;
drop table event_subjects;
alter table lean_subjects rename to event_subjects;
