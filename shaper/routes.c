/* SPDX-License-Identifier: BSD-2-Clause */
/* routes: a table of answers, of look-ups, and of those who wait for them. */
#include "shaper/routes.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util/base/fatal.h"
#include "util/base/index.h"
#include "util/base/slab.h"
#include "util/log/log.h"

#define KEY_MAX_BYTES 320
/* Waits after look-ups that failed: doubled with each. */
#define AGAIN_MIN_MS 5000
#define AGAIN_MAX_MS 300000
/* When all places are taken, or the configuration changes. */
#define AGAIN_SOON_MS 1000
/* What is stale is good for so long, then it is looked up again. */
#define STALE_MS 30000

/* One domain or list of relays. */
struct entry {
	struct routes *routes;
	uint32_t self;
	struct link lru;       /* in routes.known or, in hand, routes.busy */
	struct list questions; /* that wait */
	struct lookup *lookup; /* NULL: none is out */
	uint32_t generation;   /* of the configuration that it was asked by */
	int64_t until_ms;      /* the answer is good; 0: there is none yet */
	int64_t good_until_ms; /* the hosts were good until then */
	uint32_t fails;        /* in a row */
	enum route_status status;
	uint16_t code;
	struct str hosts, text; /* owned */
	struct str key;         /* owned */
};

struct routes {
	struct loop *loop;
	const struct conf *conf;
	struct resolver *resolver;
	uint32_t generation; /* of conf */
	struct index index;
	struct slab slab;
	struct list known; /* the one longest not asked for is first */
	struct list busy;  /* with a look-up */
};

/* --- texts ---------------------------------------------------------------- */

/* False: no memory, and *to is as before. */
static bool
set_text(struct str *to, struct str s)
{
	char *copy = NULL;

	if (s.len > 0) {
		copy = malloc(s.len);
		if (copy == NULL)
			return false;
		memcpy(copy, s.ptr, s.len);
	}
	free((void *)(uintptr_t)to->ptr);
	*to = (struct str){ copy, s.len };
	return true;
}

static void
drop_text(struct str *to)
{
	(void)set_text(to, (struct str){ NULL, 0 });
}

/* --- entries -------------------------------------------------------------- */

static struct key
entry_key(struct str s)
{
	return (struct key){ s.ptr, s.len };
}

/* It is among the known. */
static void
entry_free(struct routes *r, struct entry *e)
{
	list_remove(&r->known, &e->lru);
	(void)index_remove(&r->index, entry_key(e->key));
	drop_text(&e->hosts);
	drop_text(&e->text);
	drop_text(&e->key);
	slab_free_item(&r->slab, e->self);
}

static bool
is_good(const struct routes *r, const struct entry *e)
{
	return e->generation == r->generation &&
	    loop_now_ms(r->loop) < e->until_ms;
}

/* Behind the first ':' stands what is looked up, for people. Relays are told
 * apart by their section and its configuration. */
static struct str
put_key(const struct routes *r, const struct conf_route *route,
    struct str domain, struct outbuf *out)
{
	struct str name = domain;
	size_t room;

	if (route->relay.n > 0) {
		outbuf_putc(out, 'R');
		outbuf_put_u64(out, r->generation);
		outbuf_putc(out, '.');
		outbuf_put_u64(out, (uint64_t)(route - r->conf->route));
		name = route->relay.items[0];
	} else {
		outbuf_put_u64(out, route->port);
	}
	outbuf_putc(out, ':');
	room = outbuf_room(out);
	outbuf_put(out, str_head(name, name.len < room ? name.len : room));
	return outbuf_str(out);
}

/* A new entry, among the known; NULL: no room. */
static struct entry *
entry_new(struct routes *r, struct str key)
{
	struct link *oldest = list_first(&r->known);
	struct entry *e;
	uint32_t handle;

	if (slab_n(&r->slab) == ROUTES_MAX && oldest != NULL)
		entry_free(r, LIST_ITEM(oldest, struct entry, lru));
	handle = slab_alloc(&r->slab);
	if (handle == 0)
		return NULL;
	e = slab_get(&r->slab, handle);
	if (!set_text(&e->key, key) ||
	    index_put(&r->index, entry_key(key), handle) != ERR_OK) {
		drop_text(&e->key);
		slab_free_item(&r->slab, handle);
		return NULL;
	}
	e->routes = r;
	e->self = handle;
	list_init(&e->questions);
	list_push_back(&r->known, &e->lru);
	return e;
}

static struct entry *
entry_find(const struct routes *r, struct str key)
{
	uint32_t handle = index_find(&r->index, entry_key(key));

	return handle == 0 ? NULL : slab_get(&r->slab, handle);
}

/* --- answers -------------------------------------------------------------- */

static void
tell(struct route_question *q, const struct found *found)
{
	if (q->in != NULL)
		list_remove(q->in, &q->link);
	q->in = NULL;
	q->fn(q, found);
}

static void
tell_again(struct route_question *q, const char *text)
{
	struct found found = {
		.status = ROUTE_AGAIN,
		.ttl_ms = AGAIN_SOON_MS,
		.text = str_from_c(text),
	};

	tell(q, &found);
}

static void
tell_known(const struct entry *e, struct route_question *q)
{
	struct found found = {
		.status = e->status,
		.code = e->code,
		.ttl_ms = e->until_ms - loop_now_ms(e->routes->loop),
		.hosts = e->hosts,
		.text = e->text,
	};

	tell(q, &found);
}

/* Whether the hosts of before serve on, though they were looked up in vain. */
static bool
take_stale(struct entry *e, int64_t now_ms, struct str text)
{
	int64_t end_ms = e->good_until_ms + e->routes->conf->dns.stale_ms;
	int64_t age_ms = now_ms - e->good_until_ms;

	if (e->hosts.len == 0 || now_ms >= end_ms)
		return false;
	e->status = ROUTE_OK;
	e->until_ms = now_ms + STALE_MS < end_ms ? now_ms + STALE_MS : end_ms;
	LOG(EV_ROUTE_STALE,
	    KV_STR("domain", str_tail(e->key, str_find(e->key, ':') + 1)),
	    KV_NUM("age_ms", age_ms > 0 ? age_ms : 0), KV_STR("msg", text));
	return true;
}

static void
take_failure(struct entry *e, const struct found *found)
{
	int64_t now_ms = loop_now_ms(e->routes->loop), wait_ms = AGAIN_MIN_MS;

	for (uint32_t i = 0; i < e->fails && wait_ms < AGAIN_MAX_MS; i++)
		wait_ms *= 2;
	e->fails++;
	if (take_stale(e, now_ms, found->text))
		return;
	drop_text(&e->hosts);
	e->status = ROUTE_AGAIN;
	e->until_ms =
	    now_ms + (wait_ms < AGAIN_MAX_MS ? wait_ms : AGAIN_MAX_MS);
	if (!set_text(&e->text, found->text))
		drop_text(&e->text);
}

static void
take_answer(struct entry *e, const struct found *found)
{
	int64_t now_ms = loop_now_ms(e->routes->loop);

	if (found->status == ROUTE_AGAIN ||
	    !set_text(&e->hosts, found->hosts) ||
	    !set_text(&e->text, found->text)) {
		take_failure(e, found);
		return;
	}
	e->status = found->status;
	e->code = found->code;
	e->fails = 0;
	e->until_ms = now_ms + found->ttl_ms;
	e->good_until_ms = found->status == ROUTE_OK ? e->until_ms : 0;
}

static void
on_found(void *arg, const struct found *found)
{
	struct entry *e = arg;
	struct link *link;

	e->lookup = NULL;
	list_remove(&e->routes->busy, &e->lru);
	list_push_back(&e->routes->known, &e->lru);
	take_answer(e, found);
	while ((link = list_first(&e->questions)) != NULL)
		tell_known(e, LIST_ITEM(link, struct route_question, link));
}

static void
begin(struct entry *e, const struct conf_route *route, struct str domain)
{
	struct routes *r = e->routes;
	struct lookup_conf conf = {
		.loop = r->loop,
		.resolver = r->resolver,
		.conf = r->conf,
		.fn = on_found,
		.arg = e,
	};

	list_remove(&r->known, &e->lru);
	list_push_back(&r->busy, &e->lru);
	e->generation = r->generation;
	e->lookup = route->relay.n > 0
	    ? lookup_relays(&conf, &route->relay)
	    : lookup_exchangers(&conf, domain, (uint16_t)route->port);
}

void
routes_ask(struct routes *r, const struct conf_route *route, struct str domain,
    struct route_question *q)
{
	char text[KEY_MAX_BYTES];
	struct outbuf out = { text, 0, sizeof(text) };
	struct str key = put_key(r, route, domain, &out);
	struct entry *e = entry_find(r, key);

	if (e != NULL && e->lookup == NULL && is_good(r, e)) {
		list_remove(&r->known, &e->lru);
		list_push_back(&r->known, &e->lru);
		tell_known(e, q);
		return;
	}
	if ((e == NULL || e->lookup == NULL) &&
	    r->busy.n == ROUTES_LOOKUPS_MAX) {
		tell_again(q, "too many domains are being looked up");
		return;
	}
	if (e == NULL)
		e = entry_new(r, key);
	if (e == NULL) {
		tell_again(q, "no memory to look up a domain");
		return;
	}
	q->in = &e->questions;
	list_push_back(q->in, &q->link);
	if (e->lookup == NULL)
		begin(e, route, domain);
}

void
routes_forget(struct route_question *q)
{
	if (q->in != NULL)
		list_remove(q->in, &q->link);
	q->in = NULL;
}

/* --- start, reload, end --------------------------------------------------- */

/* Those who wait are told to ask again, when they are told at all. */
static void
stop_lookups(struct routes *r, bool is_told)
{
	struct link *link, *waiting;

	while ((link = list_first(&r->busy)) != NULL) {
		struct entry *e = LIST_ITEM(link, struct entry, lru);

		lookup_cancel(&e->lookup);
		list_remove(&r->busy, &e->lru);
		list_push_back(&r->known, &e->lru);
		while ((waiting = list_first(&e->questions)) != NULL) {
			struct route_question *q =
			    LIST_ITEM(waiting, struct route_question, link);

			if (is_told)
				tell_again(q, "the configuration changes");
			else
				routes_forget(q);
		}
	}
}

struct routes *
routes_new(struct loop *loop, const struct conf *conf)
{
	struct routes *r = calloc(1, sizeof(*r));

	if (r == NULL)
		fatal("no memory for the table of routes");
	r->loop = loop;
	r->conf = conf;
	r->generation = 1;
	r->resolver = resolver_new(loop, &conf->dns);
	index_init(&r->index, ROUTES_MAX);
	slab_init(&r->slab, sizeof(struct entry), ROUTES_MAX);
	list_init(&r->known);
	list_init(&r->busy);
	return r;
}

/* What was known of domains serves when it is stale; until then it counts as
 * unknown. */
void
routes_reset(struct routes *r, const struct conf *conf)
{
	stop_lookups(r, true);
	resolver_free(&r->resolver);
	r->conf = conf;
	r->generation++;
	r->resolver = resolver_new(r->loop, &conf->dns);
}

void
routes_free(struct routes **routes)
{
	struct routes *r = *routes;
	struct link *link;

	if (r == NULL)
		return;
	stop_lookups(r, false);
	while ((link = list_first(&r->known)) != NULL)
		entry_free(r, LIST_ITEM(link, struct entry, lru));
	resolver_free(&r->resolver);
	index_fini(&r->index);
	slab_fini(&r->slab);
	free(r);
	*routes = NULL;
}
