-- +goose Up
create table inbox_deliveries (
	id text primary key,
	source text not null,
	account text not null,
	event text not null,
	topic text not null,
	body text not null,
	state text not null,
	attempts bigint not null,
	failure text not null,
	received_at timestamp not null,
	done_at timestamp,
	due_at timestamp,
	unique (source, account, event)
);
create index inbox_deliveries_state on inbox_deliveries (state, received_at, id);
create index inbox_deliveries_received on inbox_deliveries (received_at, id);
