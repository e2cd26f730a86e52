/* SPDX-License-Identifier: BSD-2-Clause */
/* answer: grants by the configuration. */
#include "shaper/answer.h"

#include "util/base/array.h"
#include "util/base/fatal.h"
#include "util/conf/lookup.h"

#define MS_PER_S 1000

/* Shortest wait that qmgr is told: below it would ask more than it sends. */
#define WAIT_MIN_MS 20
/* When no bucket is free: others refill within this time. */
#define WAIT_FULL_MS 1000

/* "SOURCE->PROVIDER". */
static struct str
site_name(const struct msg_grant_ask *ask, struct outbuf *out)
{
	outbuf_put(out, ask->source);
	outbuf_put(out, STR("->"));
	outbuf_put(out, ask->provider);
	return outbuf_str(out);
}

static struct str
place_text(struct answers *a, struct conf_place place)
{
	struct outbuf out = { a->limit_from, 0, sizeof(a->limit_from) - 1 };

	conf_put_place(a->conf, place, &out);
	return outbuf_str(&out);
}

static void
bind_connections(
    struct answers *a, const struct conf_site *site, struct msg_grant *grant)
{
	struct outbuf value = { a->limit_value, 0, sizeof(a->limit_value) };

	outbuf_put_u64(&value, site->connections);
	grant->limit_name = STR("connections");
	grant->limit_value = outbuf_str(&value);
	grant->limit_from = place_text(a, site->place[CONF_site_connections]);
}

/* "500/s", "3/10m": as it is written in a configuration. */
static void
put_rate(struct outbuf *out, struct rate rate)
{
	static const struct {
		int64_t ms;
		char unit;
	} units[] = {
		{ INT64_C(86400) * MS_PER_S, 'd' },
		{ INT64_C(3600) * MS_PER_S, 'h' },
		{ INT64_C(60) * MS_PER_S, 'm' },
		{ MS_PER_S, 's' },
	};
	size_t i = 0;

	outbuf_put_u64(out, rate.count);
	outbuf_putc(out, '/');
	while (i < COUNT_OF(units) && rate.period_ms % units[i].ms != 0)
		i++;
	if (i == COUNT_OF(units)) {
		outbuf_put_u64(out, (uint64_t)rate.period_ms);
		outbuf_put(out, STR("ms"));
		return;
	}
	if (rate.period_ms != units[i].ms)
		outbuf_put_u64(out, (uint64_t)(rate.period_ms / units[i].ms));
	outbuf_putc(out, units[i].unit);
}

static void
bind_rate(
    struct answers *a, const struct conf_site *site, struct msg_grant *grant)
{
	struct outbuf value = { a->limit_value, 0, sizeof(a->limit_value) };

	put_rate(&value, site->message_rate);
	grant->limit_name = STR("message_rate");
	grant->limit_value = outbuf_str(&value);
	grant->limit_from = place_text(a, site->place[CONF_site_message_rate]);
}

/* As many messages as the rate has for now; none: a wait. The limit that binds
 * is the rate only while there are more to go. */
static void
grant_rate(struct answers *a, const struct conf_site *site,
    const struct msg_grant_ask *ask, struct msg_grant *grant)
{
	char name[512];
	struct outbuf out = { name, 0, sizeof(name) };
	struct bucket *b = buckets_get(
	    a->buckets, site_name(ask, &out), site->message_rate, a->now_ms);

	if (b == NULL) {
		bind_rate(a, site, grant);
		grant->messages = 0;
		grant->wait_ms = WAIT_FULL_MS;
		return;
	}
	bucket_give(b, ask->unused);
	grant->messages = bucket_take(b, ask->ready, a->now_ms);
	if (grant->messages < ask->ready)
		bind_rate(a, site, grant);
	if (grant->messages == 0) {
		int64_t wait_ms = bucket_wait_ms(b, 1, a->now_ms);

		if (wait_ms < WAIT_MIN_MS)
			wait_ms = WAIT_MIN_MS;
		grant->wait_ms =
		    wait_ms < UINT32_MAX ? (uint32_t)wait_ms : UINT32_MAX;
	}
}

void
answer_grant(
    struct answers *a, const struct msg_grant_ask *ask, struct msg_grant *grant)
{
	struct conf_site site;

	conf_site_policy(a->conf, ask->source, ask->provider, &site);
	*grant = (struct msg_grant){
		.source = ask->source,
		.provider = ask->provider,
		.connections = site.connections,
		.messages = UINT32_MAX,
		.per_connection = site.messages_per_connection,
		.valid_ms = ANSWER_GRANT_VALID_MS,
	};
	bind_connections(a, &site, grant);
	if (site.message_rate.count > 0)
		grant_rate(a, &site, ask, grant);
}
