-- +goose Up
create table job_rounds (
	name   text      primary key,
	due_at timestamp not null
);
create unlogged table job_nodes (
	id      text        primary key,
	seen_at timestamptz not null -- in the world's time
);
