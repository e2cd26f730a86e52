/* SPDX-License-Identifier: BSD-2-Clause */
/* opening: the way of a connection to the first host that takes mail. */
#include <stdlib.h>
#include <string.h>

#include "deliver/conn_int.h"
#include "deliver/tell.h"
#include "deliver/wire.h"
#include "deliver/work.h"
#include "util/base/fatal.h"
#include "util/base/rand.h"
#include "util/conf/conf.h"
#include "util/conf/lookup.h"
#include "util/log/log.h"

/* A server that does not answer QUIT has had its chance. */
#define QUIT_MS 5000
/* qmgr closes what is idle long before; this is for when it is away. */
#define IDLE_MS 600000
/* A HOST in a list: lengths, two texts of 255 bytes, preference. */
#define HOST_MAX_BYTES 520

/* --- greetings ------------------------------------------------------------ */

static void
hello(struct conn *c, struct str verb, enum conn_state state)
{
	struct str node = svc_conf(c->d->svc)->main.node;
	size_t n = verb.len + node.len + STR("\r\n").len;
	struct outbuf space = buf_space(&c->out, n);

	conn_move(c, state);
	if (space.cap < n) {
		conn_no_memory(c);
		return;
	}
	outbuf_put(&space, verb);
	outbuf_put(&space, node);
	outbuf_put(&space, STR("\r\n"));
	buf_commit(&c->out, space.len);
}

void
opening_greet(struct conn *c)
{
	if (c->transport == TRANSPORT_LMTP)
		hello(c, STR("LHLO "), CONN_LHLO);
	else
		hello(c, STR("EHLO "), CONN_EHLO);
}

void
opening_greet_old(struct conn *c)
{
	hello(c, STR("HELO "), CONN_HELO);
}

void
opening_up(struct conn *c, const struct reply *reply)
{
	struct msg_conn_up m = {
		.conn = c->number,
		.host = c->host,
		.address = c->address,
	};

	if (c->state == CONN_EHLO || c->state == CONN_LHLO)
		ehlo_read(&c->ehlo, reply);
	LOG(EV_CONN_OPENED, KV_NUM("conn", c->number), KV_STR("site", c->site),
	    KV_STR("host", c->host), KV_STR("address", c->address),
	    KV_NUM("took_ms", loop_now_ms(c->d->loop) - c->since_ms));
	work_send_up(c->d, &m);
	conn_go_on(c);
}

/* --- hosts ---------------------------------------------------------------- */

/* Brings the element of the list that begins so many bytes behind its first to
 * the front. */
static void
bring_forward(struct conn *c, size_t at, size_t n)
{
	char *first = c->names + (c->hosts.ptr - c->names);
	char element[HOST_MAX_BYTES];

	BUG_IF(n > sizeof(element));
	memcpy(element, first + at, n);
	memmove(first + n, first, at);
	memcpy(first, element, n);
}

/* RFC 5321 5.1: of hosts with equal preference any may be the first, so that
 * all get their share. One pass: the n-th of them is chosen with 1/n. */
static void
draw_host(struct conn *c)
{
	struct str rest = c->hosts;
	size_t at = 0, bytes = 0;
	uint16_t preference = 0;
	struct msg_host m;

	for (uint64_t n = 1; rest.len > 0; n++) {
		size_t begin = c->hosts.len - rest.len;

		if (msg_host_list_next(&rest, &m) != ERR_OK)
			return;
		if (n > 1 && m.preference != preference)
			break;
		preference = m.preference;
		if (n > 1 && rand_u64() % n != 0)
			continue;
		at = begin;
		bytes = c->hosts.len - rest.len - begin;
	}
	if (at > 0)
		bring_forward(c, at, bytes);
}

/* Takes the next host off the list. */
static bool
take_host(struct conn *c)
{
	struct msg_host m;

	draw_host(c);

	/* conn_open() has gone through it. */
	if (msg_host_list_next(&c->hosts, &m) != ERR_OK)
		return false;
	c->host = m.name;
	c->address = m.address;
	c->ehlo = (struct ehlo){ 0 };
	return true;
}

static bool
begin_connect(struct conn *c, struct conn_end *end)
{
	static char bytes[TEXT_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	const char *why = wire_connect(c);

	c->since_ms = loop_now_ms(c->d->loop);
	if (why == NULL) {
		conn_move(c, CONN_CONNECTING);
		return true;
	}
	/* One of ours or of the C library: short. */
	BUG_IF(outbuf_printf(&out, "connect: %s", why) != ERR_OK);
	end->stage = STAGE_CONNECT;
	end->text = outbuf_str(&out);
	end->code = 0;
	return false;
}

/* A host that said why tells more than one that did not, and of those the one
 * that we got further with. */
static unsigned
rank(uint16_t code, enum smtp_stage stage)
{
	return (code != 0 ? STAGE_N : 0u) + (unsigned)stage;
}

static bool
tells_more(const struct conn_end *end, const struct failure *f)
{
	return f->text == NULL ||
	    rank(end->code, end->stage) > rank(f->code, f->stage);
}

/* Keeps what the report will say. Without memory for it a later host's reason
 * will do. */
static void
remember(struct conn *c, const struct conn_end *end)
{
	struct failure *f = &c->failure;

	if (!tells_more(end, f))
		return;
	free(f->text);
	f->text = malloc(end->text.len + 1);
	if (f->text == NULL)
		return;
	memcpy(f->text, end->text.ptr, end->text.len);
	f->text_bytes = end->text.len;
	f->host = c->host;
	f->address = c->address;
	f->stage = end->stage;
	f->code = end->code;
}

/* All hosts have failed: the most telling reason is the one that is told. */
static void
fail_all(struct conn *c, struct conn_end *end)
{
	const struct failure *f = &c->failure;

	if (!tells_more(end, f)) {
		c->host = f->host;
		c->address = f->address;
		end->stage = f->stage;
		end->code = f->code;
		end->text = (struct str){ f->text, f->text_bytes };
	}
	conn_down(c, end);
}

static void
log_next(const struct conn *c, const struct conn_end *end)
{
	LOG(EV_CONN_FAILED, KV_NUM("conn", c->number), KV_STR("site", c->site),
	    KV_STR("host", c->host), KV_STR("address", c->address),
	    KV_CSTR("stage", facts_stage_text(end->stage)),
	    KV_NUM("code", end->code), KV_STR("error", end->text),
	    KV_CSTR("msg", "the next host is tried"));
}

/* All hosts together have the time of one attempt. */
static bool
has_next(const struct conn *c)
{
	return c->hosts.len > 0 && loop_now_ms(c->d->loop) < c->attempt_end_ms;
}

bool
conn_can_move(const struct conn *c)
{
	return c->n_messages == 0 && !c->is_closing && has_next(c);
}

void
conn_try_next(struct conn *c, struct conn_end *end)
{
	end->why = CONN_REFUSED;
	wire_close(c, true);
	/* An attempt goes on with the next host; its time does not begin
	 * anew. */
	if (c->attempt_end_ms == INT64_MAX)
		conn_begin_attempt(c);
	c->has_moved = c->has_moved || c->state >= CONN_IDLE;
	while (has_next(c)) {
		log_next(c, end);
		remember(c, end);
		if (take_host(c) && begin_connect(c, end))
			return;
	}
	fail_all(c, end);
}

void
opening_fail(struct conn *c, const struct input *in)
{
	struct conn_end end = {
		.stage = conn_stage(c),
		.text = tell_input(c, in),
	};

	if (in->reply != NULL)
		end.code = in->reply->code;
	conn_try_next(c, &end);
}

/* --- the beginning -------------------------------------------------------- */

static uint32_t
as_limit(int64_t ms)
{
	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

static void
read_limits(struct conn *c)
{
	struct conf_site site;

	conf_site_policy(svc_conf(c->d->svc), c->source, c->provider, &site);
	c->limits = (struct limits){
		.stage_ms = {
			[STAGE_CONNECT] = as_limit(site.connect_timeout_ms),
			[STAGE_GREETING] = as_limit(site.greeting_timeout_ms),
			[STAGE_EHLO] = as_limit(site.ehlo_timeout_ms),
			[STAGE_MAIL] = as_limit(site.mail_timeout_ms),
			[STAGE_RCPT] = as_limit(site.rcpt_timeout_ms),
			[STAGE_DATA] = as_limit(site.data_timeout_ms),
			[STAGE_BODY] = as_limit(site.body_timeout_ms),
			[STAGE_DOT] = as_limit(site.dot_timeout_ms),
			[STAGE_RSET] = as_limit(site.mail_timeout_ms),
			[STAGE_QUIT] = QUIT_MS,
			[STAGE_IDLE] = IDLE_MS,
		},
		.attempt_ms = as_limit(site.attempt_timeout_ms),
	};
}

/* Copies the names of the site, and the hosts behind them. */
static bool
copy_names(struct conn *c, const struct msg_conn_open *m)
{
	struct outbuf out = { .cap = m->source.len + STR("->").len +
		    m->provider.len + m->hosts.len };

	out.ptr = malloc(out.cap);
	if (out.ptr == NULL)
		return false;
	c->names = out.ptr;
	outbuf_put(&out, m->source);
	c->source = outbuf_str(&out);
	outbuf_put(&out, STR("->"));
	outbuf_put(&out, m->provider);
	c->site = outbuf_str(&out);
	c->provider = str_tail(c->site, out.len - m->provider.len);
	outbuf_put(&out, m->hosts);
	c->hosts = str_tail(outbuf_str(&out), c->site.len);
	return true;
}

static enum err
check_hosts(struct str hosts)
{
	struct msg_host m;
	enum err err;

	while ((err = msg_host_list_next(&hosts, &m)) == ERR_OK)
		continue;
	return err == ERR_EOF ? ERR_OK : err;
}

/* NULL: no memory, or too many. */
static struct conn *
conn_new(struct deliver *d, const struct msg_conn_open *m)
{
	struct key key = { &m->conn, sizeof(m->conn) };
	uint32_t handle = slab_alloc(&d->conn_slab);
	struct conn *c;

	if (handle == 0)
		return NULL;
	c = slab_get(&d->conn_slab, handle);
	c->d = d;
	c->fd = -1;
	c->since_ms = loop_now_ms(d->loop);
	c->number = m->conn;
	c->handle = handle;
	c->transport = m->transport;
	c->state = CONN_CONNECTING;
	if (!copy_names(c, m) ||
	    index_put(&d->conn_ids, key, handle) != ERR_OK) {
		free(c->names);
		slab_free_item(&d->conn_slab, handle);
		return NULL;
	}
	buf_init(&c->in, WIRE_IN_MAX_BYTES);
	buf_init(&c->out, WIRE_OUT_MAX_BYTES);
	list_init(&c->waiting);
	timer_init(&c->timer, d->loop, conn_late, c);
	list_push_back(&d->conns, &c->link);
	page_set_figure(svc_page(d->svc), d->conns.n);
	return c;
}

static void
refuse_open(struct deliver *d, uint32_t number)
{
	struct msg_conn_down m = {
		.conn = number,
		.why = CONN_REFUSED,
		.stage = STAGE_CONNECT,
		.text = STR("connect: no memory"),
	};

	work_send_down(d, &m);
}

static void
begin(struct conn *c)
{
	struct conn_end end = {
		.why = CONN_REFUSED,
		.stage = STAGE_CONNECT,
		.text = STR("connect: the route has no hosts"),
	};

	if (svc_is_stopping(c->d->svc))
		conn_break_off(c, "stopping");
	else if (c->transport == TRANSPORT_DISCARD)
		opening_up(c, NULL);
	else if (!take_host(c))
		conn_down(c, &end);
	else if (!begin_connect(c, &end))
		conn_try_next(c, &end);
}

enum err
conn_open(struct deliver *d, const struct msg_conn_open *m)
{
	enum err err = check_hosts(m->hosts);
	struct conn *c;

	if (err != ERR_OK)
		return err;
	if (m->conn == 0 || conn_find(d, m->conn) != NULL)
		return ERR_PROTO;
	c = conn_new(d, m);
	if (c == NULL) {
		refuse_open(d, m->conn);
		return ERR_OK;
	}
	read_limits(c);
	conn_begin_attempt(c);
	begin(c);
	return ERR_OK;
}
