-- +goose Up
create table customers (
	id          text      primary key,
	given_name  text      not null,
	family_name text      not null,
	email       text      not null, -- lower case; empty if unknown
	phone       text      not null, -- E.164; empty if unknown
	country     text      not null,
	region      text      not null,
	lang        text      not null,
	market      text      not null,
	zone        text      not null,
	created_at  timestamp not null,
	changed_at  timestamp not null
);
create unique index customers_email on customers (email) where email <> '';
create index customers_phone on customers (phone) where phone <> '';
create index customers_created on customers (created_at, id);

-- The ledger: rows are only ever added. One chain of digests per address.
create table consents (
	id        text      primary key,
	address   text      not null,
	seq       bigint    not null,
	customer  text      not null,
	channel   text      not null,
	class     text      not null,
	action    text      not null,
	text      text      not null,
	wording   text      not null,
	lang      text      not null,
	market    text      not null,
	page      text      not null,
	source    text      not null,
	ip_digest text      not null,
	at        timestamp not null,
	previous  text      not null,
	digest    text      not null,
	unique (address, seq)
);
create index consents_customer on consents (customer, at);

create table suppressions (
	address   text      primary key,
	reason    text      not null,
	source    text      not null,
	at        timestamp not null,
	lifted_at timestamp
);
