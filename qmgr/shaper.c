/* SPDX-License-Identifier: BSD-2-Clause */
/* shaper: frames between qmgr and shaper. */
#include "qmgr/shaper.h"

#include "qmgr/qmgr_int.h"
#include "qmgr/turn.h"
#include "util/base/fatal.h"
#include "util/log/log.h"

static void
on_up(void *arg)
{
	struct qmgr *q = arg;

	turn_begin(q);
	core_shaper_up(q->core);
	/* It may have another configuration than the one before. */
	core_shaper_stale(q->core);
	turn_act(q);
}

static void
on_down(void *arg, enum err why)
{
	struct qmgr *q = arg;

	(void)why;
	if (!q->is_stopping)
		LOG(EV_SHAPER_AWAY,
		    KV_CSTR("msg", "the last grants hold, then the floor"));
	turn_begin(q);
	core_shaper_down(q->core);
	turn_act(q);
}

static enum err
on_route(struct qmgr *q, struct str body)
{
	struct msg_route m;
	struct core_route route;
	enum err err = msg_route_decode(&m, body);

	if (err != ERR_OK)
		return err;
	route = (struct core_route){
		.queue = m.queue,
		.status = m.status,
		.valid_ms = m.valid_ms,
		.transport = m.transport,
		.source = m.source,
		.provider = m.provider,
		.hosts = m.hosts,
		.code = m.code,
		.text = m.text,
	};
	err = core_route(q->core, &route);
	/* FULL: the core asks again. */
	return err == ERR_FULL ? ERR_OK : err;
}

static enum err
on_grant(struct qmgr *q, struct str body)
{
	struct msg_grant m;
	struct core_grant grant;
	enum err err = msg_grant_decode(&m, body);

	if (err != ERR_OK)
		return err;
	grant = (struct core_grant){
		.source = m.source,
		.provider = m.provider,
		.connections = m.connections,
		.messages = m.messages,
		.per_connection = m.per_connection,
		.valid_ms = m.valid_ms,
		.wait_ms = m.wait_ms,
		.limit_name = m.limit_name,
		.limit_value = m.limit_value,
		.limit_from = m.limit_from,
		.limit_cause = m.limit_cause,
	};
	core_grant(q->core, &grant);
	return ERR_OK;
}

static enum err
on_stale(struct qmgr *q, struct str body)
{
	struct msg_stale m;
	enum err err = msg_stale_decode(&m, body);

	if (err == ERR_OK)
		core_shaper_stale(q->core);
	return err;
}

static enum err
on_frame(void *arg, struct frame *f)
{
	static enum err (*const on[MSG_N])(struct qmgr *, struct str) = {
		[MSG_ROUTE] = on_route,
		[MSG_GRANT] = on_grant,
		[MSG_STALE] = on_stale,
	};
	struct qmgr *q = arg;
	enum err err;

	if (on[f->type] == NULL)
		return ERR_PROTO;
	turn_begin(q);
	err = on[f->type](q, f->body);
	turn_act(q);
	return err;
}

void
shaper_init(struct qmgr *q)
{
	struct peer_conf conf = {
		.name = "shaper",
		.run_dir = svc_run_dir(q->svc),
		.role = PEER_QMGR,
		.out_max_bytes = QPEER_OUT_MAX_BYTES,
		.on_up = on_up,
		.on_frame = on_frame,
		.on_down = on_down,
		.arg = q,
	};

	q->shaper = peer_new(q->loop, &conf);
}

/* Each question has a deadline in the core, so one that finds no room is
 * asked again; names were bounded when they came in. */
static void
sent(enum err err)
{
	BUG_IF(err == ERR_RANGE);
}

void
shaper_ask_route(struct qmgr *q, const struct core_action *action)
{
	struct chan *chan = peer_chan(q->shaper);
	struct msg_route_ask m = {
		.queue = action->queue,
		.domain = action->key.domain,
		.tenant = action->key.tenant,
		.campaign = action->key.campaign,
	};

	if (chan != NULL)
		sent(chan_send_route_ask(chan, &m));
}

void
shaper_ask_grant(struct qmgr *q, const struct core_action *action)
{
	struct chan *chan = peer_chan(q->shaper);
	struct msg_grant_ask m = {
		.source = action->source,
		.provider = action->provider,
		.ready = action->ready,
		.connections = action->connections,
		.unused = action->unused,
	};

	if (chan != NULL)
		sent(chan_send_grant_ask(chan, &m));
}

static void
log_trouble(const struct core_action *action)
{
	char name[512];
	struct outbuf site = { name, 0, sizeof(name) };

	outbuf_put(&site, action->source);
	outbuf_put(&site, STR("->"));
	outbuf_put(&site, action->provider);
	if (action->why == CONN_THROTTLED)
		LOG(EV_SITE_THROTTLED, KV_STR("site", outbuf_str(&site)),
		    KV_NUM("code", action->code),
		    KV_NUM("connections", action->connections),
		    KV_STR("msg", action->text));
	if (action->why == CONN_REFUSED)
		LOG(EV_SITE_DOWN, KV_STR("site", outbuf_str(&site)),
		    KV_NUM("code", action->code), KV_STR("msg", action->text));
}

void
shaper_feed_back(struct qmgr *q, const struct core_action *action)
{
	struct chan *chan = peer_chan(q->shaper);
	struct msg_feedback m = {
		.source = action->source,
		.provider = action->provider,
		.why = action->why,
		.code = action->code,
		.connections = action->connections,
		.text = str_head(action->text,
		    action->text.len < 1024 ? action->text.len : 1024),
	};

	log_trouble(action);
	if (chan != NULL)
		sent(chan_send_feedback(chan, &m));
}
