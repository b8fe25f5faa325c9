-- +goose Up
create table orders (
	id           text      primary key,
	number       text      unique,
	source       text      not null,
	external_ref text,
	cart         text      unique,
	payment      text      unique,
	market       text      not null,
	country      text      not null,
	lang         text      not null,
	currency     text      not null,
	customer     text      not null,
	email        text      not null,
	phone        text      not null,
	total        bigint    not null,
	state        text      not null,
	test         boolean   not null,
	body         text      not null,
	placed_at    timestamp not null,
	paid_at      timestamp,
	cancelled_at timestamp,
	check (state in ('placed', 'paid', 'partly_fulfilled', 'fulfilled', 'completed', 'cancelled'))
);
create unique index orders_external on orders (source, external_ref) where external_ref is not null;
create index orders_age on orders (placed_at, id);
create index orders_customer on orders (customer, placed_at);

-- the last number given out on each day
create table order_numbers (
	day  text   primary key,
	last bigint not null
);
