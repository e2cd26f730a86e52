/* SPDX-License-Identifier: BSD-2-Clause */
/* cross: what must hold between parameters and sections. */
#include <stdlib.h>
#include <string.h>

#include "util/conf/conf_int.h"
#include "util/conf/params.h"
#include "util/conf/show.h"
#include "util/conf/value.h"

struct checker {
	const struct conf *conf;
	struct conf_errors *errors;
};

static struct conf_spot
whole_file(const struct conf *conf)
{
	return (struct conf_spot){ conf->index->files[0], 0, 0 };
}

static struct conf_spot
spot(const struct checker *c, struct conf_place place)
{
	return conf_spot_of(c->conf, place);
}

/* --- listeners and routes ------------------------------------------------- */

static void
check_presence(struct checker *c)
{
	if (c->conf->n_listener == 0)
		conf_errors_add(c->errors, whole_file(c->conf),
		    "there is no listener.\n  write for example: listener "
		    "\"in\" { address = { \"127.0.0.1:2525\" }  relay_from = "
		    "{ \"127.0.0.0/8\" } }");
	if (c->conf->n_route == 0)
		conf_errors_add(c->errors, whole_file(c->conf),
		    "there is no route.\n  write for example: route \"*\" { "
		    "relay = { \"192.0.2.25:25\" } }");
}

/* The listener that has this address, before number end; NULL: none. */
static const struct conf_listener *
listener_at(const struct checker *c, struct str address, uint32_t end)
{
	const struct conf_listener *l = c->conf->listener;

	for (uint32_t i = 0; i < end; i++)
		for (uint32_t k = 0; k < l[i].address.n; k++)
			if (str_eq(l[i].address.items[k], address))
				return &l[i];
	return NULL;
}

static void
check_listener(struct checker *c, uint32_t number)
{
	const struct conf_listener *l = &c->conf->listener[number], *twin;
	struct conf_strs a = l->address;

	for (uint32_t i = 0; i < a.n; i++) {
		twin = listener_at(c, a.items[i], number);
		for (uint32_t k = 0; k < i && twin == NULL; k++)
			if (str_eq(a.items[k], a.items[i]))
				twin = l;
		if (twin == NULL)
			continue;
		conf_errors_add(c->errors,
		    spot(c, l->place[CONF_listener_address]),
		    "in listener \"%s\": address: \"%s\" stands twice, first "
		    "in listener \"%s\".",
		    l->head.title.ptr, a.items[i].ptr, twin->head.title.ptr);
	}
}

static void
check_route(struct checker *c, const struct conf_route *r)
{
	const struct conf_listener *own;

	if (!conf_is_domain_pattern(r->head.title))
		conf_errors_add(c->errors, spot(c, r->head.at),
		    "route \"%s\": the title must be a domain, \"*.domain\" or "
		    "\"*\".",
		    r->head.title.ptr);
	for (uint32_t i = 0; i < r->relay.n; i++) {
		own = listener_at(c, r->relay.items[i], c->conf->n_listener);
		if (own == NULL)
			continue;
		conf_errors_add(c->errors, spot(c, r->place[CONF_route_relay]),
		    "in route \"%s\": relay: \"%s\" is our own listener "
		    "\"%s\": mail would go round for ever.",
		    r->head.title.ptr, r->relay.items[i].ptr,
		    own->head.title.ptr);
	}
}

/* LMTP is for a host of one's own; discarded mail goes nowhere. */
static void
check_transport(struct checker *c, const struct conf_route *r)
{
	bool has_relay = r->relay.n > 0;

	if (r->transport == CONF_TRANSPORT_LMTP && !has_relay)
		conf_errors_add(c->errors,
		    spot(c, r->place[CONF_route_transport]),
		    "in route \"%s\": transport = \"lmtp\" needs a relay, for "
		    "example: relay = { \"unix:/run/dovecot/lmtp\" }",
		    r->head.title.ptr);
	if (r->transport == CONF_TRANSPORT_DISCARD && has_relay)
		conf_errors_add(c->errors, spot(c, r->place[CONF_route_relay]),
		    "in route \"%s\": transport = \"discard\" hands mail to "
		    "nobody: remove relay.",
		    r->head.title.ptr);
}

static void
check_dns(struct checker *c)
{
	const struct conf_dns *dns = &c->conf->dns;

	for (uint32_t i = 0; i < dns->server.n; i++)
		if (str_starts(dns->server.items[i], STR("unix:")))
			conf_errors_add(c->errors,
			    spot(c, dns->place[CONF_dns_server]),
			    "in dns: server: \"%s\" is no IP address with a "
			    "port.",
			    dns->server.items[i].ptr);
}

static void
check_provider(struct checker *c, const struct conf_provider *p)
{
	if (str_eq(p->head.title, STR("*")))
		conf_errors_add(c->errors, spot(c, p->head.at),
		    "provider \"*\": limits for all belong in: site \"*\"");
}

/* --- queues --------------------------------------------------------------- */

/* ":" without "@" would be looked for in domains, and never be found. */
static void
check_queue_title(struct checker *c, const struct conf_queue *q)
{
	struct str t = q->head.title;

	if (t.len > 0 && t.ptr[0] != '[' && str_find(t, ':') < t.len &&
	    str_find(t, '@') == t.len)
		conf_errors_add(c->errors, spot(c, q->head.at),
		    "queue \"%s\": the title must match "
		    "campaign:tenant@domain, for example: \"spring:*@*\"",
		    t.ptr);
}

/* The section that all others take from; NULL: there is none. */
static const struct conf_queue *
queue_of_all(const struct conf *conf)
{
	for (uint32_t i = 0; i < conf->n_queue; i++)
		if (str_eq(conf->queue[i].head.title, STR("*")))
			return &conf->queue[i];
	return NULL;
}

/* The section whose value of param holds for q: q itself, when also all says
 * nothing. Defaults are in each. */
static const struct conf_queue *
queue_origin(const struct conf_queue *q, const struct conf_queue *all,
    enum conf_queue_param param)
{
	if (q->place[param].line > 0 || all == NULL ||
	    all->place[param].line == 0)
		return q;
	return all;
}

static void
put_duration(int64_t ms, char *text, size_t size)
{
	struct outbuf out = { text, 0, size };
	const struct conf_param *param =
	    conf_param_find(conf_section_find(STR("queue")), STR("retry_max"));

	if (conf_show(&ms, param, &out) != ERR_OK)
		out.len = 0;
	text[out.len] = '\0';
}

static void
check_retry(
    struct checker *c, const struct conf_queue *q, const struct conf_queue *all)
{
	bool sets_first = q->place[CONF_queue_retry_first].line > 0;
	bool sets_max = q->place[CONF_queue_retry_max].line > 0;
	char first_text[32], max_text[32];
	int64_t first_ms, max_ms;
	struct conf_place place;

	first_ms = queue_origin(q, all, CONF_queue_retry_first)->retry_first_ms;
	max_ms = queue_origin(q, all, CONF_queue_retry_max)->retry_max_ms;
	if (max_ms >= first_ms || (!sets_first && !sets_max))
		return;
	place =
	    q->place[sets_max ? CONF_queue_retry_max : CONF_queue_retry_first];
	put_duration(first_ms, first_text, sizeof(first_text));
	put_duration(max_ms, max_text, sizeof(max_text));
	conf_errors_add(c->errors, spot(c, place),
	    "in queue \"%s\": retry_max, %s, is less than retry_first, %s.\n"
	    "  set both in this section",
	    q->head.title.ptr, max_text, first_text);
}

/* --- spool ---------------------------------------------------------------- */

static void
check_spool(struct checker *c)
{
	const struct conf_spool *s = &c->conf->spool;
	struct conf_place place = s->place[CONF_spool_segment_message_max];

	if (s->segment_message_max_bytes <= s->segment_size_bytes)
		return;
	if (place.line == 0)
		place = s->place[CONF_spool_segment_size];
	conf_errors_add(c->errors, spot(c, place),
	    "in spool: segment_message_max, %llu bytes, is more than "
	    "segment_size, %llu bytes.",
	    (unsigned long long)s->segment_message_max_bytes,
	    (unsigned long long)s->segment_size_bytes);
}

void
conf_check(const struct conf *conf, bool is_partial, struct conf_errors *errors)
{
	struct checker c = { conf, errors };
	const struct conf_queue *all = queue_of_all(conf);

	if (!is_partial)
		check_presence(&c);
	for (uint32_t i = 0; i < conf->n_listener; i++)
		check_listener(&c, i);
	for (uint32_t i = 0; i < conf->n_route; i++)
		check_route(&c, &conf->route[i]);
	for (uint32_t i = 0; i < conf->n_route; i++)
		check_transport(&c, &conf->route[i]);
	check_dns(&c);
	for (uint32_t i = 0; i < conf->n_provider; i++)
		check_provider(&c, &conf->provider[i]);
	for (uint32_t i = 0; i < conf->n_queue; i++) {
		check_queue_title(&c, &conf->queue[i]);
		check_retry(&c, &conf->queue[i], all);
	}
	check_spool(&c);
}
