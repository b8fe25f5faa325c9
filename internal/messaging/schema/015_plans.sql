-- +goose Up
-- Offers to many people: looked at first, then sent or not.
create table message_plans (
	id         text      primary key,
	name       text      not null,
	template   text      not null,
	market     text      not null, -- empty: every market
	request    text      not null, -- JSON: variables, link, until when
	state      text      not null, -- planning, planned, sending, sent, cancelled
	total      bigint    not null, -- people
	done       bigint    not null, -- of them looked at, or written to
	after      text      not null, -- the last one of them
	result     text      not null, -- JSON, by country
	version    text      not null, -- of the gate that was asked
	who        text      not null,
	created_at timestamp not null,
	planned_at timestamp,
	sent_by    text      not null,
	sent_at    timestamp,
	ended_at   timestamp
);
create index message_plans_created on message_plans (created_at);
