/* SPDX-License-Identifier: BSD-2-Clause */
/* lookup: search tables over the sections, and what they answer. */
#include "util/conf/lookup.h"

#include <stdlib.h>
#include <string.h>

#include "util/conf/conf_int.h"
#include "util/conf/params.h"
#include "util/text/ascii.h"
#include "util/text/glob.h"

#define DOMAIN_MAX_BYTES 255

/* --- domains -------------------------------------------------------------- */

/* Elements begin with a struct str: struct conf_key, and struct str itself. */
static int
compare_first(const void *a, const void *b)
{
	const struct str *x = a, *y = b;

	return str_cmp(*x, *y);
}

/* A sorted array in which "*.suffix" stands as ".suffix". */
struct domain_table {
	const void *items;
	size_t n;
	size_t item_bytes;
};

static const void *
find_key(const struct domain_table *t, struct str key)
{
	if (t->n == 0)
		return NULL;
	return bsearch(&key, t->items, t->n, t->item_bytes, compare_first);
}

/* The element of domain itself, of its longest suffix, or of "*". */
static const void *
find_domain(const struct domain_table *t, struct str domain)
{
	char small[DOMAIN_MAX_BYTES];
	const void *item = NULL;
	struct str key = { small, domain.len };

	if (domain.len > 0 && domain.len <= sizeof(small)) {
		memcpy(small, domain.ptr, domain.len);
		str_lower(small, domain.len);
		item = find_key(t, key);
		while (item == NULL && key.len > 1) {
			str_skip(&key, 1);
			if (key.ptr[0] == '.')
				item = find_key(t, key);
		}
	}
	return item != NULL ? item : find_key(t, STR("*"));
}

bool
conf_domains_match(const struct conf_strs *domains, struct str domain)
{
	struct domain_table t = { domains->items, domains->n,
		sizeof(domains->items[0]) };

	return find_domain(&t, domain) != NULL;
}

const struct conf_route *
conf_route_find(const struct conf *conf, struct str domain)
{
	struct domain_table t = { conf->index->routes, conf->n_route,
		sizeof(conf->index->routes[0]) };
	const struct conf_key *key = find_domain(&t, domain);

	return key == NULL ? NULL : &conf->route[key->section];
}

static void
index_routes(struct conf *conf)
{
	struct conf_index *x = conf->index;
	struct str title;

	x->routes = conf_alloc(&x->arena, conf->n_route * sizeof(x->routes[0]));
	for (uint32_t i = 0; i < conf->n_route; i++) {
		title = conf->route[i].head.title;
		if (str_starts(title, STR("*.")))
			str_skip(&title, 1);
		title = conf_dup(&x->arena, title);
		str_lower((char *)(uintptr_t)title.ptr, title.len);
		x->routes[i] = (struct conf_key){ title, i };
	}
	if (conf->n_route > 1)
		qsort(x->routes, conf->n_route, sizeof(x->routes[0]),
		    compare_first);
}

/* --- titles with wildcards ------------------------------------------------ */

static bool
is_wild(char c)
{
	return c == '*' || c == '?';
}

static void
rank_part(struct conf_title *t, struct str part)
{
	uint32_t literals = 0;

	for (size_t i = 0; i < part.len; i++)
		if (!is_wild(part.ptr[i]))
			literals++;
	t->literals += literals;
	if (literals == part.len)
		t->exact++;
}

static int
compare_titles(const void *a, const void *b)
{
	const struct conf_title *x = a, *y = b;

	if (x->exact != y->exact)
		return x->exact > y->exact ? -1 : 1;
	if (x->literals != y->literals)
		return x->literals > y->literals ? -1 : 1;
	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	return 0;
}

static void
sort_titles(struct conf_titles *titles)
{
	if (titles->n > 1)
		qsort(titles->items, titles->n, sizeof(titles->items[0]),
		    compare_titles);
}

static bool
matches(const struct conf_title *t, const struct str *names, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!glob_match(t->parts[i], names[i]))
			return false;
	return true;
}

/* "campaign:tenant@domain"; what is left out is any. */
static struct conf_title
cut_queue(struct str title, uint32_t section)
{
	struct conf_title t = { .parts = { STR("*"), STR("*"), title },
		.section = section };
	size_t at = title.len;

	while (at > 0 && title.ptr[at - 1] != '@')
		at--;
	if (at > 0) {
		t.parts[2] = str_tail(title, at);
		t.parts[1] = str_head(title, at - 1);
	}
	if (at > 0 && str_find(t.parts[1], ':') < t.parts[1].len)
		t.parts[0] = str_take_field(&t.parts[1], ':');
	for (unsigned i = 0; i < 3; i++)
		rank_part(&t, t.parts[i]);
	return t;
}

/* "source->provider", or the second alone. */
static struct conf_title
cut_site(struct str title, uint32_t section)
{
	struct conf_title t = { .parts = { STR("*"), title, STR("") },
		.section = section };

	for (size_t i = 0; i + 1 < title.len; i++)
		if (str_starts(str_tail(title, i), STR("->"))) {
			t.parts[0] = str_head(title, i);
			t.parts[1] = str_tail(title, i + 2);
			break;
		}
	rank_part(&t, t.parts[0]);
	rank_part(&t, t.parts[1]);
	return t;
}

static struct conf_title
cut_plain(struct str title, uint32_t section)
{
	struct conf_title t = { .parts = { title, STR(""), STR("") },
		.section = section };

	rank_part(&t, title);
	return t;
}

typedef struct conf_title cut_fn(struct str title, uint32_t section);

/* The titles of an array of n sections, each of section_bytes. */
static struct conf_titles
index_titles(struct conf *conf, const struct conf_section *kind,
    const void *sections, uint32_t n, cut_fn *cut)
{
	struct conf_titles titles = { NULL, n };
	const char *bytes = sections;
	struct conf_head head;

	titles.items =
	    conf_alloc(&conf->index->arena, n * sizeof(titles.items[0]));
	for (uint32_t i = 0; i < n; i++) {
		memcpy(&head, bytes + i * kind->bytes, sizeof(head));
		titles.items[i] = cut(head.title, i);
	}
	sort_titles(&titles);
	return titles;
}

static struct conf_titles
index_hosts(struct conf *conf)
{
	struct conf_titles hosts = { NULL, 0 };
	const struct conf_provider *p = conf->provider;
	uint32_t n = 0;

	for (uint32_t i = 0; i < conf->n_provider; i++)
		n += p[i].mx.n;
	hosts.items =
	    conf_alloc(&conf->index->arena, n * sizeof(hosts.items[0]));
	for (uint32_t i = 0; i < conf->n_provider; i++)
		for (uint32_t k = 0; k < p[i].mx.n; k++)
			hosts.items[hosts.n++] = cut_plain(p[i].mx.items[k], i);
	sort_titles(&hosts);
	return hosts;
}

void
conf_index_build(struct conf *conf)
{
	struct conf_index *x = conf->index;
	const struct conf_section *queue = conf_section_find(STR("queue"));
	const struct conf_section *site = conf_section_find(STR("site"));
	const struct conf_section *tenant = conf_section_find(STR("tenant"));

	index_routes(conf);
	x->queues =
	    index_titles(conf, queue, conf->queue, conf->n_queue, cut_queue);
	x->sites = index_titles(conf, site, conf->site, conf->n_site, cut_site);
	x->tenants =
	    index_titles(conf, tenant, conf->tenant, conf->n_tenant, cut_plain);
	x->hosts = index_hosts(conf);
	conf_section_init(&x->queue_default, queue, &x->arena);
	conf_section_init(&x->site_default, site, &x->arena);
	conf_section_init(&x->tenant_default, tenant, &x->arena);
}

/* --- policies ------------------------------------------------------------- */

/* What from sets and out does not have yet. Both are structs of kind. */
static void
merge(const struct conf_section *kind, void *out, const void *from)
{
	char *to_bytes = out;
	const char *bytes = from;
	struct conf_place *to = (void *)(to_bytes + kind->place_offset);
	const struct conf_place *place =
	    (const void *)(bytes + kind->place_offset);
	const struct conf_param *p;
	struct conf_head head;

	memcpy(&head, out, sizeof(head));
	if (head.at.line == 0)
		memcpy(out, from, sizeof(head));
	for (size_t i = 0; i < kind->n; i++) {
		if (to[i].line != 0 || place[i].line == 0)
			continue;
		p = &kind->params[i];
		to[i] = place[i];
		memcpy(to_bytes + p->offset, bytes + p->offset,
		    conf_type_bytes(p->type));
	}
}

void
conf_queue_policy(const struct conf *conf, const struct conf_queue_name *name,
    struct conf_queue *out)
{
	const struct conf_index *x = conf->index;
	const struct conf_section *kind = conf_section_find(STR("queue"));
	struct str names[] = { name->campaign, name->tenant, name->domain };

	*out = x->queue_default;
	for (uint32_t i = 0; i < x->queues.n; i++)
		if (matches(&x->queues.items[i], names, 3))
			merge(kind, out,
			    &conf->queue[x->queues.items[i].section]);
	if (out->retry_max_ms < out->retry_first_ms)
		out->retry_max_ms = out->retry_first_ms;
}

void
conf_tenant_policy(
    const struct conf *conf, struct str tenant, struct conf_tenant *out)
{
	const struct conf_index *x = conf->index;
	const struct conf_section *kind = conf_section_find(STR("tenant"));

	*out = x->tenant_default;
	for (uint32_t i = 0; i < x->tenants.n; i++)
		if (matches(&x->tenants.items[i], &tenant, 1))
			merge(kind, out,
			    &conf->tenant[x->tenants.items[i].section]);
}

static const struct conf_provider *
provider_named(const struct conf *conf, struct str name)
{
	for (uint32_t i = 0; i < conf->n_provider; i++)
		if (str_eq_nocase(conf->provider[i].head.title, name))
			return &conf->provider[i];
	return NULL;
}

/* The limits of a provider as those of a site. */
static struct conf_site
site_of_provider(const struct conf_provider *p)
{
	struct conf_site s = { .head = p->head };

	s.connections = p->connections;
	s.messages_per_connection = p->messages_per_connection;
	s.message_rate = p->message_rate;
	s.place[CONF_site_connections] = p->place[CONF_provider_connections];
	s.place[CONF_site_messages_per_connection] =
	    p->place[CONF_provider_messages_per_connection];
	s.place[CONF_site_message_rate] = p->place[CONF_provider_message_rate];
	return s;
}

void
conf_site_policy(const struct conf *conf, struct str source,
    struct str provider, struct conf_site *out)
{
	const struct conf_index *x = conf->index;
	const struct conf_section *kind = conf_section_find(STR("site"));
	const struct conf_provider *p = provider_named(conf, provider);
	struct str names[] = { source, provider };
	const struct conf_title *t;
	struct conf_site limits;

	*out = x->site_default;
	if (p != NULL)
		limits = site_of_provider(p);
	for (uint32_t i = 0; i < x->sites.n; i++) {
		t = &x->sites.items[i];
		if (!matches(t, names, 2))
			continue;
		/* Titles that say nothing come last, the provider before. */
		if (p != NULL && t->literals == 0)
			merge(kind, out, &limits);
		merge(kind, out, &conf->site[t->section]);
	}
	if (p != NULL)
		merge(kind, out, &limits);
}

const struct conf_provider *
conf_provider_find(const struct conf *conf, struct str host)
{
	const struct conf_titles *hosts = &conf->index->hosts;

	for (uint32_t i = 0; i < hosts->n; i++)
		if (glob_match(hosts->items[i].parts[0], host))
			return &conf->provider[hosts->items[i].section];
	return NULL;
}
