/* SPDX-License-Identifier: BSD-2-Clause */
/* resolver: questions in line, out, and answered. */
#include "util/dns/resolver.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <unbound-event.h>
#include <unbound.h>

#include "util/base/array.h"
#include "util/base/fatal.h"
#include "util/log/log.h"

/* Longest that it is waited for the root's keys. */
#define PROBE_MS 5000
#define NO_NAME_TTL_S 300
#define SERVERS_MAX 8
#define SERVER_MAX_BYTES 64

/* How libunbound tells how sure it is. */
#define SEC_BOGUS 1
#define SEC_SECURE 2

/* Reply codes, of which it tells no more than the number. */
#define RCODE_OK 0
#define RCODE_NO_NAME 3

enum state {
	STATE_IDLE, /* not asked */
	STATE_LINE, /* in resolver.line */
	STATE_OUT,  /* in resolver.out */
	STATE_DONE  /* in resolver.done: told at the turn's end */
};

/* Whether the root's keys are to be had. */
enum probe { PROBE_NONE, PROBE_OUT, PROBE_HOLDS, PROBE_FAILED };

struct resolver {
	struct loop *loop;
	struct ub_ctx *ctx;
	struct list line, out, done;
	struct turn_end tell;
	struct timer probe_timer;
	enum probe probe;
	int probe_id;
	bool is_anchored;
	int64_t timeout_ms;
	size_t n_servers;
	char servers[SERVERS_MAX][SERVER_MAX_BYTES];
	struct dns_record records[DNS_RECORDS_MAX];
};

/* The keys of the root zone: those of 2017 and of 2024. */
static const char *const anchors[] = {
	". IN DS 20326 8 2 "
	"E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
	". IN DS 38696 8 2 "
	"683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};

/* --- the library's context ------------------------------------------------ */

static void
check(const char *what, int rc)
{
	if (rc != 0)
		LOG(EV_RESOLVER_FAILED, KV_CSTR("call", what),
		    KV_CSTR("error", ub_strerror(rc)));
}

/* "192.0.2.1@53" of "192.0.2.1:53" and "::1@53" of "[::1]:53". */
static void
put_server(char out[SERVER_MAX_BYTES], struct str address)
{
	struct outbuf text = { out, 0, SERVER_MAX_BYTES - 1 };
	size_t colon = address.len;

	while (colon > 0 && address.ptr[colon - 1] != ':')
		colon--;
	BUG_IF(colon == 0);
	for (size_t i = 0; i < address.len; i++) {
		char c = address.ptr[i];

		if (c != '[' && c != ']' && outbuf_room(&text) > 0)
			outbuf_putc(&text, i + 1 == colon ? '@' : c);
	}
	out[text.len] = '\0';
}

static void
set_servers(struct resolver *r)
{
	for (size_t i = 0; i < r->n_servers; i++)
		check("set_fwd", ub_ctx_set_fwd(r->ctx, r->servers[i]));
	if (r->n_servers == 0)
		check("resolvconf", ub_ctx_resolvconf(r->ctx, NULL));
}

/* The order matters: zone_add comes last, no option can be set behind it. */
static void
make_context(struct resolver *r)
{
	static const char *const options[][2] = {
		{ "do-not-query-localhost:", "no" },
		/* A server that was away is tried again soon. */
		{ "infra-host-ttl:", "60" },
		{ "infra-keep-probing:", "yes" },
		{ "cache-max-negative-ttl:", "300" },
	};

	r->ctx = ub_ctx_create_event(loop_base(r->loop));
	if (r->ctx == NULL)
		fatal("no memory for the resolver");
	for (size_t i = 0; i < COUNT_OF(options); i++)
		check(options[i][0],
		    ub_ctx_set_option(r->ctx, options[i][0], options[i][1]));
	for (size_t i = 0; i < COUNT_OF(anchors) && r->is_anchored; i++)
		check("add_ta", ub_ctx_add_ta(r->ctx, anchors[i]));
	set_servers(r);
	/* Without it no name of this zone would ever leave the library. */
	check("zone_add", ub_ctx_zone_add(r->ctx, "test.", "nodefault"));
}

/* --- answers -------------------------------------------------------------- */

static void
move(struct dns_question *q, struct list *from, struct list *to,
    enum state state)
{
	list_remove(from, &q->link);
	list_push_back(to, &q->link);
	q->state = (uint8_t)state;
}

static void
finish(struct dns_question *q)
{
	struct resolver *r = q->resolver;

	q->answer.type = q->type;
	timer_stop(&q->timer);
	move(q, q->state == STATE_OUT ? &r->out : &r->line, &r->done,
	    STATE_DONE);
	turn_end_ask(&r->tell);
}

static void
fail(struct dns_question *q, const char *text)
{
	q->answer = (struct dns_answer){ .found = DNS_FAILED, .text = text };
	finish(q);
}

/* Keeps a copy of what was parsed until the turn's end. */
static bool
keep(struct dns_question *q)
{
	size_t n = q->answer.n;

	if (n == 0)
		return true;
	q->kept = calloc(n, sizeof(*q->kept));
	if (q->kept == NULL)
		return false;
	memcpy(q->kept, q->answer.records, n * sizeof(*q->kept));
	q->answer.records = q->kept;
	return true;
}

static void
take_packet(struct dns_question *q, struct str packet, bool is_secure)
{
	struct resolver *r = q->resolver;
	enum err err = dns_answer_parse(
	    packet, str_from_c(q->name), q->type, r->records, &q->answer);

	if (err != ERR_OK) {
		fail(q, "the answer is garbage");
		return;
	}
	q->answer.is_secure = is_secure;
	if (keep(q))
		finish(q);
	else
		fail(q, "no memory for the answer");
}

/* May come within ub_resolve_event. With a reply code, packet is not to be
 * looked at. */
static void /* style: allow params: the library calls it so */
on_answer(void *arg, int rcode, void *packet, int len, int sec, char *why_bogus,
    int was_limited)
{
	struct dns_question *q = arg;

	(void)why_bogus;
	(void)was_limited;
	if (sec == SEC_BOGUS) {
		fail(q, "the answer's DNSSEC signature does not hold");
	} else if (rcode == RCODE_OK) {
		take_packet(q,
		    (struct str){ packet, len < 0 ? 0 : (size_t)len },
		    sec == SEC_SECURE);
	} else if (rcode == RCODE_NO_NAME) {
		q->answer = (struct dns_answer){
			.found = DNS_NO_NAME,
			.ttl_s = NO_NAME_TTL_S,
			.is_secure = sec == SEC_SECURE,
			.text = "",
		};
		finish(q);
	} else {
		fail(q, "no server has an answer (SERVFAIL)");
	}
}

static void
on_late(void *arg)
{
	struct dns_question *q = arg;

	if (q->state == STATE_OUT)
		(void)ub_cancel(q->resolver->ctx, q->id);
	fail(q, "no server answers");
}

/* --- questions ------------------------------------------------------------ */

static void
send_one(struct resolver *r, struct dns_question *q)
{
	int rc, id = 0;

	move(q, &r->line, &r->out, STATE_OUT);
	timer_set_at(&q->timer, loop_now_ms(r->loop) + r->timeout_ms);
	rc = ub_resolve_event(
	    r->ctx, q->name, dns_type_number(q->type), 1, q, on_answer, &id);
	if (q->state != STATE_OUT)
		return;
	q->id = id;
	if (rc != 0)
		fail(q, ub_strerror(rc));
}

static void
send_more(struct resolver *r)
{
	struct link *link;

	if (r->probe == PROBE_OUT)
		return;
	while (r->out.n < RESOLVER_OUT_MAX &&
	    (link = list_first(&r->line)) != NULL)
		send_one(r, LIST_ITEM(link, struct dns_question, link));
}

/* No question is out: they wait in line for the end of the probe. */
static void
drop_anchors(struct resolver *r)
{
	LOG(EV_RESOLVER_UNSIGNED,
	    KV_CSTR("msg",
	        "the root's keys cannot be had; answers count as unsigned"));
	ub_ctx_delete(r->ctx);
	r->is_anchored = false;
	r->probe = PROBE_NONE;
	make_context(r);
}

static void
tell_all(void *arg)
{
	struct resolver *r = arg;
	struct link *link;

	if (r->probe == PROBE_FAILED)
		drop_anchors(r);
	/* What is asked within comes in a later round of the turn's end. */
	for (size_t n = r->done.n; n > 0; n--) {
		struct dns_question *q;
		struct dns_record *kept;

		link = list_first(&r->done);
		if (link == NULL)
			break;
		q = LIST_ITEM(link, struct dns_question, link);
		list_remove(&r->done, link);
		kept = q->kept;
		q->kept = NULL;
		q->state = STATE_IDLE;
		timer_fini(&q->timer);
		q->fn(q->arg, &q->answer);
		free(kept);
	}
	send_more(r);
}

void
resolver_ask(struct resolver *r, struct dns_question *q, struct str name,
    enum dns_type type)
{
	BUG_IF(q->state != STATE_IDLE);
	q->resolver = r;
	q->type = type;
	q->state = STATE_LINE;
	q->kept = NULL;
	timer_init(&q->timer, r->loop, on_late, q);
	list_push_back(&r->line, &q->link);
	turn_end_ask(&r->tell);
	if (name.len > DNS_NAME_MAX_BYTES || str_find(name, '\0') < name.len) {
		q->answer = (struct dns_answer){
			.found = DNS_NO_NAME,
			.ttl_s = NO_NAME_TTL_S,
			.text = "",
		};
		finish(q);
		return;
	}
	memcpy(q->name, name.ptr, name.len);
	q->name[name.len] = '\0';
	/* In line it waits no longer than it would for an answer. */
	timer_set_at(&q->timer, loop_now_ms(r->loop) + r->timeout_ms);
}

void
resolver_cancel(struct dns_question *q)
{
	struct resolver *r = q->resolver;

	switch ((enum state)q->state) {
	case STATE_IDLE:
		return;
	case STATE_LINE:
		list_remove(&r->line, &q->link);
		break;
	case STATE_OUT:
		(void)ub_cancel(r->ctx, q->id);
		list_remove(&r->out, &q->link);
		break;
	case STATE_DONE:
		list_remove(&r->done, &q->link);
		break;
	}
	timer_fini(&q->timer);
	free(q->kept);
	q->kept = NULL;
	q->state = STATE_IDLE;
}

/* --- the root's keys ------------------------------------------------------ */

static void
end_probe(struct resolver *r, bool holds)
{
	timer_stop(&r->probe_timer);
	r->probe = holds ? PROBE_HOLDS : PROBE_FAILED;
	turn_end_ask(&r->tell);
}

static void /* style: allow params: the library calls it so */
on_probe(void *arg, int rcode, void *packet, int len, int sec, char *why_bogus,
    int was_limited)
{
	struct resolver *r = arg;

	(void)packet;
	(void)len;
	(void)why_bogus;
	(void)was_limited;
	if (r->probe == PROBE_OUT)
		end_probe(r, rcode == RCODE_OK && sec == SEC_SECURE);
}

static void
on_probe_late(void *arg)
{
	struct resolver *r = arg;

	(void)ub_cancel(r->ctx, r->probe_id);
	end_probe(r, false);
}

static void
begin_probe(struct resolver *r)
{
	r->probe = PROBE_OUT;
	timer_set_at(&r->probe_timer, loop_now_ms(r->loop) + PROBE_MS);
	if (ub_resolve_event(r->ctx, ".", dns_type_number(DNS_DNSKEY), 1, r,
	        on_probe, &r->probe_id) != 0)
		end_probe(r, false);
}

/* --- start and end -------------------------------------------------------- */

struct resolver *
resolver_new(struct loop *loop, const struct conf_dns *settings)
{
	struct resolver *r = calloc(1, sizeof(*r));

	if (r == NULL)
		fatal("no memory for the resolver");
	r->loop = loop;
	r->timeout_ms = settings->timeout_ms;
	r->is_anchored = settings->dnssec != CONF_DNSSEC_OFF;
	for (uint32_t i = 0; i < settings->server.n && i < SERVERS_MAX; i++)
		put_server(
		    r->servers[r->n_servers++], settings->server.items[i]);
	list_init(&r->line);
	list_init(&r->out);
	list_init(&r->done);
	turn_end_init(&r->tell, loop, tell_all, r);
	timer_init(&r->probe_timer, loop, on_probe_late, r);
	make_context(r);
	if (settings->dnssec == CONF_DNSSEC_AUTO)
		begin_probe(r);
	return r;
}

void
resolver_free(struct resolver **resolver)
{
	struct resolver *r = *resolver;

	if (r == NULL)
		return;
	BUG_IF(r->line.n > 0 || r->out.n > 0 || r->done.n > 0);
	/* Its call-back may come within. */
	r->probe = PROBE_NONE;
	ub_ctx_delete(r->ctx);
	timer_fini(&r->probe_timer);
	turn_end_fini(&r->tell);
	free(r);
	*resolver = NULL;
}
