-- +goose Up
create table fakepsp_payments (
	ref        text      primary key,
	key        text      not null unique,
	reference  text      not null unique,
	token      text      not null unique,
	method     text      not null,
	scenario   text      not null,
	state      text      not null,
	reason     text      not null,
	amount     bigint    not null,
	currency   text      not null,
	received   bigint    not null,
	lang       text      not null,
	return_url text      not null,
	base_url   text      not null,
	created_at timestamp not null,
	changed_at timestamp not null
);

create table fakepsp_refunds (
	ref        text      primary key,
	key        text      not null unique,
	payment    text      not null references fakepsp_payments (ref),
	amount     bigint    not null,
	created_at timestamp not null
);
create index fakepsp_refunds_payment on fakepsp_refunds (payment);
