-- +goose Up
create table markets (
	code       text    primary key,
	position   bigint  not null default 0,
	state      text    not null,
	body       jsonb   not null
);

create table market_countries (
	country    text    primary key,
	market     text    not null references markets (code) on delete cascade
);
