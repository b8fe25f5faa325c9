-- +goose Up
-- Whom a plan for a list of people asks about.
create table message_plan_people (
	plan     text not null,
	customer text not null,
	primary key (plan, customer)
);

-- What of the list names nobody who can be written to.
create table message_plan_refused (
	plan text   not null,
	n    bigint not null,
	line bigint not null, -- 1 is the first
	code text   not null,
	said text   not null, -- what stood there, its middle left out
	primary key (plan, n)
);
