/* SPDX-License-Identifier: BSD-2-Clause */
/* peers: the simulated workers, shaper and mailbox providers. */
#ifndef TESTS_SIM_PEERS_H
#define TESTS_SIM_PEERS_H

#include "tests/sim/disk.h"

#include "tests/sim/orders.h"
#include "tests/sim/sim.h"

#define PEERS_OPENS_PER_S_MAX 60
#define PEERS_SETTLE_MS 10000
#define PEERS_PROBES_PER_S_MAX 2
#define PEERS_REFUSALS 12 /* so many in a row are an outage */
#define PEERS_CONNECTIONS 8

/* --- shaper --------------------------------------------------------------- */

static void
shaper_route(const struct core_action *a)
{
	struct core_route route = { .queue = a->queue,
		.status = ROUTE_OK,
		.valid_ms = 1000 + sim_below(600000),
		.source = STR("default"),
		.provider = sim_provider_name(sim_provider_of(a->key.domain)),
		.hosts = STR("hosts"),
		.code = 550,
		.text = STR("so it is") };

	if (!sim.is_shaper_up || (!sim.is_calm && sim_chance(100000)))
		return;
	if (!sim.is_calm && sim_chance(50000))
		route.status = ROUTE_AGAIN;
	if (str_eq(a->key.domain, sim_domain(SIM_DOMAINS - 1)))
		route.status = ROUTE_NONE;
	SIM_REQUIRE(core_route(sim.core, &route) == ERR_OK, "no route");
}

/* The first two providers take so many messages a second. */
static void
shaper_rate(const struct core_action *a, struct core_grant *grant)
{
	struct sim_provider *p =
	    &sim.providers[(uint32_t)(a->provider.ptr[1] - '0')];

	if (p - sim.providers >= 2 || sim.is_calm)
		return;
	if (p->rate.rate.count == 0)
		bucket_init(&p->rate,
		    (struct rate){ .count = 40, .period_ms = 1000 },
		    sim.now_ms);
	bucket_give(&p->rate, a->unused);
	grant->messages = bucket_take(&p->rate, 20, sim.now_ms);
	if (grant->messages == 0)
		grant->wait_ms =
		    (uint32_t)bucket_wait_ms(&p->rate, 1, sim.now_ms);
}

static void
shaper_grant(const struct core_action *a)
{
	struct core_grant grant = { .source = a->source,
		.provider = a->provider,
		.connections = 1 + sim_below(PEERS_CONNECTIONS),
		.messages = UINT32_MAX,
		.per_connection = 1 + sim_below(50),
		.valid_ms = 100 + sim_below(20000),
		.limit_name = STR("connections") };

	SIM_REQUIRE(a->ready > 0, "a grant is asked for nothing");
	SIM_REQUIRE(!str_eq(a->provider, sim_provider_name(SIM_NOTICES)),
	    "a grant is asked for notices");
	if (!sim.is_shaper_up || (!sim.is_calm && sim_chance(100000)))
		return;
	shaper_rate(a, &grant);
	if (sim_chance(300000) && grant.messages > 50)
		grant.messages = sim_below(50);
	if (!sim.is_calm && sim_chance(100000))
		grant.wait_ms = sim_below(3000);
	core_grant(sim.core, &grant);
}

/* --- connections ---------------------------------------------------------- */

static struct sim_conn *
conn_of(uint32_t worker, uint32_t number)
{
	for (uint32_t i = 0; i < SIM_CONNS; i++)
		if (sim.conns[i].phase != CONN_FREE &&
		    sim.conns[i].number == number &&
		    sim.conns[i].worker == worker)
			return &sim.conns[i];
	return NULL;
}

/* The 421 storm that this project is about: never so many a second. */
static void
count_open(struct sim_provider *p)
{
	if (sim.now_ms >= p->opens_ms + 1000) {
		p->opens_ms = sim.now_ms;
		p->opens = 0;
	}
	p->opens++;
	if (p->refusals >= PEERS_REFUSALS &&
	    sim.now_ms < p->refused_ms + PEERS_SETTLE_MS &&
	    sim.now_ms > sim.stirred_ms + PEERS_SETTLE_MS)
		SIM_REQUIRE(p->opens <= PEERS_PROBES_PER_S_MAX,
		    "a site that is down is not only probed");
	SIM_REQUIRE(
	    p->opens <= PEERS_OPENS_PER_S_MAX, "a storm of connections");
	sim.count.opens++;
}

static void
peer_open(const struct core_action *a)
{
	uint32_t provider = SIM_NOTICES;

	if (a->transport != TRANSPORT_NOTICE)
		provider = (uint32_t)(a->provider.ptr[1] - '0');
	SIM_REQUIRE(sim.workers[a->worker].is_known, "nobody is to open");
	SIM_REQUIRE(conn_of(a->worker, a->conn) == NULL, "a number again");
	count_open(&sim.providers[provider]);
	for (uint32_t i = 0; i < SIM_CONNS; i++) {
		if (sim.conns[i].phase != CONN_FREE)
			continue;
		sim.conns[i] = (struct sim_conn){ .phase = CONN_OPENING,
			.number = a->conn,
			.worker = a->worker,
			.provider = provider,
			.at_ms = sim.now_ms + sim_below(2000) };
		return;
	}
	sim_fail("too many connections");
}

static void
peer_close(const struct core_action *a)
{
	struct sim_conn *c = conn_of(a->worker, a->conn);

	SIM_REQUIRE(c != NULL, "a connection is closed that is not there");
	c->phase = CONN_CLOSING;
}

static void
count_end(struct sim_provider *p, enum conn_why why)
{
	p->refusals = why == CONN_REFUSED ? p->refusals + 1 : 0;
	p->refused_ms = sim.now_ms;
}

static void
conn_end(struct sim_conn *c, enum conn_why why)
{
	struct core_conn_end end = { .worker = c->worker,
		.conn = c->number,
		.why = why,
		.code = 421,
		.wait_ms = sim_chance(100000) ? sim_below(60000) : 0,
		.text = STR("421 4.7.0 too many") };

	count_end(&sim.providers[c->provider], why);
	c->phase = CONN_FREE;
	SIM_REQUIRE(core_conn_down(sim.core, &end) == ERR_OK,
	    "the core lost a connection");
}

static uint32_t
conns_up(uint32_t provider)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SIM_CONNS; i++)
		n += sim.conns[i].provider == provider &&
		        sim.conns[i].phase >= CONN_UP
		    ? 1
		    : 0;
	return n;
}

static void
conn_decide(struct sim_conn *c)
{
	const struct sim_provider *p = &sim.providers[c->provider];

	if (p->mood == MOOD_DOWN) {
		sim.count.downs++;
		conn_end(c, CONN_REFUSED);
	} else if (conns_up(c->provider) >= p->bears) {
		sim.count.throttles++;
		conn_end(c, CONN_THROTTLED);
	} else if (!sim.is_calm && sim_chance(20000)) {
		conn_end(c, sim_chance(500000) ? CONN_CLOSED : CONN_LOST);
	} else {
		c->phase = CONN_UP;
		sim.providers[c->provider].refusals = 0;
		SIM_REQUIRE(
		    core_conn_up(sim.core, c->worker, c->number) == ERR_OK,
		    "the core lost a connection that opens");
	}
}

static bool
conn_has_lease(const struct sim_conn *c)
{
	for (uint32_t i = 0; i < SIM_SLOTS; i++) {
		const struct sim_slot *s = &sim.workers[c->worker].slots[i];

		if (s->is_filled && s->conn == c->number && !s->is_told &&
		    (s->is_held || s->is_on_way))
			return true;
	}
	return false;
}

static void
conn_step(struct sim_conn *c)
{
	if (c->phase == CONN_FREE || !sim.workers[c->worker].is_known)
		return;
	if (c->phase == CONN_OPENING) {
		if (sim.now_ms >= c->at_ms)
			conn_decide(c);
		return;
	}
	if (!sim.is_calm && sim_chance(300))
		c->is_broken = true;
	if ((c->phase == CONN_CLOSING || c->is_broken) && !conn_has_lease(c))
		conn_end(c, c->is_broken ? CONN_LOST : CONN_CLOSED);
}

/* --- workers -------------------------------------------------------------- */

/* Whether somebody who lives can still deliver this part. */
static bool
is_out(uint32_t msg, uint32_t part)
{
	for (uint32_t w = 0; w < SIM_WORKERS; w++)
		for (uint32_t i = 0; i < SIM_SLOTS; i++) {
			const struct sim_slot *s = &sim.workers[w].slots[i];

			if (s->is_filled && s->msg == msg && s->part == part &&
			    (s->is_held || s->is_on_way) && !s->has_result)
				return true;
		}
	return false;
}

static uint32_t
n_at_conn(uint32_t worker, uint32_t conn)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < SIM_SLOTS; i++) {
		const struct sim_slot *s = &sim.workers[worker].slots[i];

		/* One that nobody has is only still to be cleared. */
		n += s->is_filled && s->conn == conn && !s->is_told &&
		        (s->is_held || s->is_on_way)
		    ? 1
		    : 0;
	}
	return n;
}

static bool
has_standing(const struct sim_slot *s, enum rcpt_standing standing)
{
	const struct sim_part *p = &sim.msgs[s->msg].parts[s->part];

	for (uint32_t i = 0; i < p->n_rcpts; i++)
		if (s->standing[i] == standing)
			return true;
	return false;
}

static void
peer_lease(const struct core_action *a)
{
	struct sim_slot *s = &sim.workers[a->worker].slots[a->slot];
	const struct sim_msg *m = sim_msg_of(&a->part.qid);
	const struct sim_conn *c = conn_of(a->worker, a->conn);
	uint32_t msg = (uint32_t)(m - sim.msgs);

	order_check_lease(a);
	SIM_REQUIRE(!s->is_filled, "a slot is filled twice");
	SIM_REQUIRE(sim.workers[a->worker].is_known, "a lease for nobody");
	SIM_REQUIRE(c != NULL && c->phase == CONN_UP,
	    "a lease for a connection that is not up");
	SIM_REQUIRE(!is_out(msg, a->part.part), "a part is lent twice");
	SIM_REQUIRE(!m->parts[a->part.part].is_done, "a lease of what is done");
	SIM_REQUIRE(n_at_conn(a->worker, a->conn) < SIM_AHEAD,
	    "too many leases at a connection");
	*s = (struct sim_slot){ .is_filled = true,
		.lease = a->part.lease,
		.msg = msg,
		.part = a->part.part,
		.phase = SLOT_LEASED,
		.is_on_way = true,
		.notice = a->notice,
		.flush = sim.n_flushes + (sim.n_pending > 0 ? 1 : 0),
		.conn = a->conn };
	for (uint32_t i = 0; i < a->part.n_rcpts; i++)
		s->standing[i] =
		    (uint8_t)part_standing_get(a->part.standing, i);
	SIM_REQUIRE((a->notice == NOTICE_FINAL) == has_standing(s, RCPT_OWED),
	    "a part that owes a notice is delivered");
	SIM_REQUIRE(a->notice != NOTICE_DELAY || m->wants_delay,
	    "nobody asked for a notice of delay");
	SIM_REQUIRE((a->notice != NOTICE_NONE) == (c->provider == SIM_NOTICES),
	    "a lease is at the wrong site");
	sim.count.leases++;
	sim_say("message %u part %u is lent to worker %u (lease %llu)", msg,
	    a->part.part, a->worker, (unsigned long long)a->part.lease);
}

static const uint8_t *
read_phases(uint32_t worker)
{
	static uint8_t phases[SIM_SLOTS];

	for (uint32_t i = 0; i < SIM_SLOTS; i++)
		phases[i] = sim.workers[worker].slots[i].is_filled
		    ? (uint8_t)sim.workers[worker].slots[i].phase
		    : SLOT_FREE;
	return phases;
}

/* Its worker died. What it was opening another one may open at once: that is no
 * storm. */
static void
conn_lose(struct sim_conn *c)
{
	struct sim_provider *p = &sim.providers[c->provider];

	if (c->phase == CONN_OPENING && p->opens > 0)
		p->opens--;
	c->phase = CONN_FREE;
}

static void
worker_die(uint32_t worker)
{
	struct sim_worker *w = &sim.workers[worker];
	bool was_known = w->is_known;

	if (!w->is_alive)
		return;
	sim_say("worker %u dies", worker);
	sim.count.deaths++;
	/* Two that die together are harder than one. */
	if (!sim.is_calm && sim.doom_step == 0 && sim_chance(200000))
		sim.doom_step = history.step + 1 + sim_below(20);
	w->is_alive = w->is_known = false;
	w->back_ms = sim.now_ms + sim_below(3000);
	for (uint32_t i = 0; i < SIM_CONNS; i++)
		if (sim.conns[i].worker == worker)
			conn_lose(&sim.conns[i]);
	for (uint32_t i = 0; i < SIM_SLOTS; i++) {
		struct sim_slot *s = &w->slots[i];

		s->is_on_way = s->is_held = s->has_result = false;
	}
	if (was_known)
		core_worker_down(sim.core, worker, read_phases(worker));
}

/* Connections that were only being opened are given up. */
static void
worker_tell_conns(uint32_t worker)
{
	for (uint32_t i = 0; i < SIM_CONNS; i++) {
		struct sim_conn *c = &sim.conns[i];
		enum err err;

		if (c->phase == CONN_FREE || c->worker != worker)
			continue;
		if (c->phase != CONN_UP) {
			c->phase = CONN_FREE;
			continue;
		}
		err = core_conn_adopt(sim.core, worker, c->number,
		    sim_source_name(c->provider),
		    sim_provider_name(c->provider));
		SIM_REQUIRE(err == ERR_OK || err == ERR_EXISTS, "no adoption");
		if (err == ERR_EXISTS)
			c->phase = CONN_FREE;
	}
}

static void
worker_hello(uint32_t worker)
{
	struct sim_worker *w = &sim.workers[worker];

	sim_say("worker %u says what it holds", worker);
	core_worker_up(sim.core, worker);
	for (uint32_t i = 0; i < SIM_SLOTS; i++) {
		struct sim_slot *s = &w->slots[i];

		s->is_told = false;
		if (s->is_filled && s->is_held)
			SIM_REQUIRE(core_worker_hold(sim.core, worker, i,
			                s->lease) == ERR_OK,
			    "the core does not know a lease");
	}
	worker_tell_conns(worker);
	core_worker_held_end(sim.core, worker, read_phases(worker));
	w->is_known = true;
}

static void
slot_finish(struct sim_slot *s, enum outcome outcome)
{
	s->has_result = true;
	sim.msgs[s->msg].parts[s->part].tries++;
	s->result = (struct core_result){ .lease = s->lease,
		.outcome = outcome,
		.code = outcome == OUTCOME_TRIED ? 250 : 421,
		.is_after_mail = sim_chance(500000),
		.text = STR("421 slow down") };
}

/* One verdict for all that is open. */
static void
slot_finish_all(struct sim_slot *s, enum verdict verdict)
{
	const struct sim_msg *m = &sim.msgs[s->msg];
	uint32_t n = 0;

	slot_finish(s, OUTCOME_TRIED);
	/* A notice that is refused has no recipients of ours. */
	for (uint16_t i = 0;
	     i < m->parts[s->part].n_rcpts && s->notice == NOTICE_NONE; i++)
		if (s->standing[i] == RCPT_OPEN)
			s->rcpts[n++] =
			    (struct core_rcpt){ i, verdict, 450, false };
	s->result.n_rcpts = n;
	s->result.code = 450;
}

static void
sink_take(struct sim_rcpt *r)
{
	r->delivered++;
	sim_say("the sink takes a recipient, time %u", r->delivered);
	sim.count.deliveries++;
	if (r->delivered == 1)
		return;
	sim.count.doubles++;
	SIM_REQUIRE(r->delivered <= 1 + r->doubts,
	    "DOUBLE: delivered again, and no doubt was marked");
}

static enum verdict
sink_verdict(struct sim_rcpt *r)
{
	if (r->will_bounce) {
		sim.count.bounces++;
		return VERDICT_BOUNCED;
	}
	if (r->defers > 0) {
		r->defers--;
		return VERDICT_DEFERRED;
	}
	sink_take(r);
	return VERDICT_DELIVERED;
}

/* The dot is out. The connection may break before the answer comes. */
static void
slot_answer(struct sim_slot *s)
{
	struct sim_part *p = &sim.msgs[s->msg].parts[s->part];
	bool is_lost = !sim.is_calm && sim_chance(5000);
	bool is_taken = !is_lost || sim_chance(500000);
	/* Some hosts take few recipients at once. */
	uint32_t n_takes = sim_chance(100000) ? 2 : s->result.n_rcpts;

	slot_finish_all(s, VERDICT_DEFERRED);
	s->result.is_doubtful = is_lost;
	for (uint32_t i = 0; i < s->result.n_rcpts && is_taken; i++) {
		enum verdict v = VERDICT_THROTTLED;

		if (i < n_takes)
			v = sink_verdict(&p->rcpts[s->rcpts[i].rcpt]);
		if (!is_lost)
			s->rcpts[i].verdict = v;
		s->rcpts[i].needs_notice = v == VERDICT_BOUNCED ||
		    p->rcpts[s->rcpts[i].rcpt].tells_success;
	}
	s->phase = SLOT_ANSWERED;
}

/* Our own smtpd has the notice. */
static void
sink_take_notice(struct sim_slot *s)
{
	struct sim_part *p = &sim.msgs[s->msg].parts[s->part];

	if (s->notice == NOTICE_DELAY) {
		sim.count.delays++;
		SIM_REQUIRE(p->delays++ <= p->delay_doubts,
		    "DOUBLE: a delay is told again, and no doubt was marked");
		return;
	}
	for (uint32_t i = 0; i < p->n_rcpts; i++) {
		if (s->standing[i] != RCPT_OWED)
			continue;
		sim.count.told++;
		sim.count.told_twice += p->rcpts[i].told > 0 ? 1 : 0;
		SIM_REQUIRE(p->rcpts[i].told++ <= p->rcpts[i].told_doubts,
		    "DOUBLE: told again, and no doubt was marked");
	}
}

/* It is taken, or not, and the answer comes, or not. */
static void
slot_answer_notice(struct sim_slot *s)
{
	bool is_lost = !sim.is_calm && sim_chance(20000);
	bool is_refused = !sim.is_calm && sim_chance(100000);

	if (!is_refused)
		sink_take_notice(s);
	slot_finish(s, is_lost || is_refused ? OUTCOME_TRIED : OUTCOME_TOLD);
	s->result.is_doubtful = is_lost;
	s->phase = SLOT_ANSWERED;
}

static void
slot_send_result(uint32_t worker, uint32_t slot)
{
	struct sim_slot *s = &sim.workers[worker].slots[slot];
	enum err err;

	if (s->is_told || !sim.workers[worker].is_known)
		return;
	s->result.worker = worker;
	s->result.slot = slot;
	s->result.rcpts = s->rcpts;
	err = core_result(sim.core, &s->result);
	sim_say("worker %u: outcome %d of lease %llu", worker,
	    (int)s->result.outcome, (unsigned long long)s->lease);
	s->is_told = err != ERR_AGAIN;
	sim.count.orphans += err == ERR_AGAIN ? 1 : 0;
	SIM_REQUIRE(err != ERR_EXISTS, "a lease is gone that is held");
}

/* A fault that may be planted: the dot is sent, and then is its phase to be
 * written. */
static bool
is_late_phase(uint32_t worker, struct sim_slot *s)
{
	struct sim_part *p = &sim.msgs[s->msg].parts[s->part];

	if (!sim_is_planted("late_phase") || s->notice != NOTICE_NONE ||
	    !sim_chance(50000))
		return false;
	for (uint32_t i = 0; i < p->n_rcpts; i++)
		if (s->standing[i] == RCPT_OPEN && !p->rcpts[i].will_bounce)
			sink_take(&p->rcpts[i]);
	worker_die(worker);
	return true;
}

static void
slot_transact(uint32_t worker, struct sim_slot *s)
{
	const struct sim_msg *m = &sim.msgs[s->msg];
	const struct sim_conn *c = conn_of(worker, s->conn);

	if (m->is_poison && sim_chance(300000))
		worker_die(worker);
	else if (c == NULL || c->is_broken || sim_chance(20000))
		slot_finish_all(s, VERDICT_DEFERRED);
	else if (!sim.is_calm && sim_chance(10000))
		slot_finish(s, OUTCOME_THROTTLED);
	else if (!sim.is_calm && sim_chance(2000))
		slot_finish(s, OUTCOME_UNREADABLE);
	else if (!is_late_phase(worker, s))
		s->phase = SLOT_DOT_SENT;
}

static void
slot_begin(uint32_t worker, struct sim_slot *s)
{
	const struct sim_conn *c = conn_of(worker, s->conn);

	if (c == NULL || c->is_broken || c->phase != CONN_UP)
		slot_finish(s, OUTCOME_RETURNED);
	else if (sim.providers[c->provider].mood == MOOD_THROTTLING &&
	    sim_chance(500000))
		slot_finish(s, OUTCOME_THROTTLED);
	else
		s->phase = SLOT_TRANSACTION;
}

/* A notice waits until what made it owed is in the ledger. */
static bool
slot_is_sent(const struct sim_slot *s, uint64_t n_flushes)
{
	return s->notice == NOTICE_NONE || n_flushes >= s->flush;
}

static void
slot_step(uint32_t worker, uint32_t slot)
{
	struct sim_slot *s = &sim.workers[worker].slots[slot];

	if (!s->is_filled)
		return;
	if (s->is_on_way) {
		s->is_on_way = !slot_is_sent(s, sim.n_flushes);
		s->is_held = !s->is_on_way;
	} else if (!s->is_held) {
		return;
	} else if (s->has_result) {
		slot_send_result(worker, slot);
	} else if (s->phase == SLOT_LEASED) {
		slot_begin(worker, s);
	} else if (s->phase == SLOT_TRANSACTION) {
		slot_transact(worker, s);
	} else if (s->notice != NOTICE_NONE) {
		slot_answer_notice(s);
	} else {
		slot_answer(s);
	}
}

#endif /* TESTS_SIM_PEERS_H */
