-- +goose Up
alter table products add column wearer text not null default '';
alter table products add column make text not null default '';
alter table products add column traits text not null default '[]';
alter table products add column evidence text not null default '[]';
