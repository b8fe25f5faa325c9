-- +goose Up
create table carts (
	id          text      primary key,
	token       text      not null unique,
	market      text      not null,
	country     text      not null,
	lang        text      not null,
	currency    text      not null,
	state       text      not null check (state in ('open', 'paying', 'held', 'ordered')),
	version     bigint    not null,
	customer    text      not null,
	attempt     text      not null,
	order_id    text      unique,
	watched     boolean   not null,
	body        text      not null,
	created_at  timestamp not null,
	activity_at timestamp not null,
	left_at     timestamp
);
create index carts_customer on carts (customer, activity_at) where customer <> '';

-- those whose shopper may have left without paying
create index carts_watched on carts (activity_at) where watched and left_at is null and state = 'open';
