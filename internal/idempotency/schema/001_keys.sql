-- +goose Up
create table idempotency_keys (
	scope text not null,
	key text not null,
	fingerprint text not null,
	status bigint not null,
	body text not null,
	at timestamp not null,
	primary key (scope, key)
);
create index idempotency_keys_at on idempotency_keys (at);
