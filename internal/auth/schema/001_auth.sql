-- +goose Up
create table users (
	id            text      primary key,
	email         text      not null unique, -- folded to lower case
	name          text      not null,
	role          text      not null,        -- owner, operator, viewer
	password_hash text      not null,        -- argon2id in PHC form
	lang          text      not null default 'en',
	created_at    timestamp not null,
	disabled_at   timestamp
);
create table sessions (
	digest     text      primary key,        -- sha256 of the cookie's token: a stolen table opens nothing
	user_id    text      not null references users (id),
	created_at timestamp not null,
	seen_at    timestamp not null,
	expires_at timestamp not null
);
create index sessions_by_user on sessions (user_id);
create table api_keys (
	id           text      primary key,
	name         text      not null,
	digest       text      not null unique,
	hint         text      not null,         -- the last four characters, to tell keys apart
	scopes       text      not null,         -- blank-separated
	created_by   text      not null,
	created_at   timestamp not null,
	revoked_at   timestamp
);
