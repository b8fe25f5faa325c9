-- +goose Up
create table jobs (
	id         integer   primary key autoincrement, -- never used twice
	kind       text      not null,
	args       text      not null,
	lane       text      not null,             -- '' for database work, else the kind: outside work waits in lines of its own
	priority   integer   not null,             -- 1 goes before 2 before 3
	key        text,
	subject    text,
	run_at     timestamp not null,
	tries      integer   not null default 0,   -- that failed
	failure    text      not null default '',  -- what the last try said
	created_at timestamp not null,
	last_at    timestamp,                      -- when the last try failed
	given_up   boolean   not null default false
);
create index jobs_due on jobs (lane, priority, run_at, id) where not given_up;
create unique index jobs_key on jobs (key) where key is not null and not given_up;
create index jobs_subject on jobs (subject) where subject is not null;
create index jobs_shelf on jobs (id) where given_up;
create table job_rounds (
	name   text      primary key,
	due_at timestamp not null
);
