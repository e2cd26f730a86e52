/* SPDX-License-Identifier: BSD-2-Clause */
/* order: gives the queue manager an order, for several commands. */
#include "ctl/order.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/order_list.h"
#include "util/text/ascii.h"
#include "util/text/json.h"
#include "util/text/num.h"

/* An order goes over all parts, in slices: qmgr answers at its end. */
#define ORDER_MS (10 * 60 * 1000)
#define ORDER_MAX 100000 /* arguments */
#define OUT_BYTES (64 * 1024)
#define ANSWER_MAX_BYTES (8 * 8192)
/* Three names, and what divides them. */
#define TARGET_BYTES (3 * ORDER_NAME_MAX_BYTES + 2)

/* One run of a command. */
struct giver {
	struct ctl *ctl;
	struct msg_order_ask ask;
	struct call call;
	struct outbuf out;
	struct json json;
	bool is_json;
	int status; /* the highest so far */
	char by[ORDER_BY_MAX_BYTES];
	char domain[ORDER_NAME_MAX_BYTES];
	char target[TARGET_BYTES];
};

/* --- arguments ------------------------------------------------------------ */

static bool
is_name_byte(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || c == '.' || c == '-' ||
	    c == '_';
}

/* The name goes along for people to read; the queue manager learns the number
 * from the kernel. */
static void
set_by(struct giver *g)
{
	const char *name = getuid() == 0 ? getenv("SUDO_USER") : NULL;
	const struct passwd *pw = NULL;
	size_t n = 0;

	if (name == NULL || name[0] == '\0')
		pw = getpwuid(getuid());
	if (pw != NULL)
		name = pw->pw_name;
	while (name != NULL && n < sizeof(g->by) && is_name_byte(name[n])) {
		g->by[n] = name[n];
		n++;
	}
	/* A name of any other kind is none. */
	if (name != NULL && name[n] == '\0')
		g->ask.by = (struct str){ g->by, n };
}

static struct str
take_text(struct ctl *ctl, const char *option, size_t max)
{
	const char *value = ctl_take_option(ctl, option);
	struct str text = { NULL, 0 };

	if (value == NULL)
		return text;
	text = str_from_c(value);
	if (text.len == 0)
		ctl_usage(ctl, "%s: give its value", option);
	if (text.len > max)
		ctl_usage(ctl, "%s: at most %zu bytes", option, max);
	return text;
}

static void
take_match(struct giver *g)
{
	struct str domain;

	g->ask.queue = take_text(g->ctl, "--queue", ORDER_TEXT_MAX_BYTES);
	g->ask.tenant = take_text(g->ctl, "--tenant", ORDER_NAME_MAX_BYTES);
	g->ask.campaign = take_text(g->ctl, "--campaign", ORDER_NAME_MAX_BYTES);
	domain = take_text(g->ctl, "--domain", ORDER_NAME_MAX_BYTES);
	for (size_t i = 0; i < domain.len; i++)
		g->domain[i] = ascii_lower(domain.ptr[i]);
	g->ask.domain = (struct str){ g->domain, domain.len };
}

static bool
has_match(const struct giver *g)
{
	const struct order_match match = { .queue = g->ask.queue,
		.tenant = g->ask.tenant,
		.campaign = g->ask.campaign,
		.domain = g->ask.domain };

	return !order_match_is_any(&match);
}

static void
begin(struct giver *g, struct ctl *ctl, enum order_kind kind)
{
	*g = (struct giver){ .ctl = ctl };
	g->ask.kind = (uint8_t)kind;
	g->is_json = ctl_take_flag(ctl, "--json");
	g->ask.why = take_text(ctl, "--why", ORDER_TEXT_MAX_BYTES);
	take_match(g);
	set_by(g);
}

/* --- asking --------------------------------------------------------------- */

static void
connect_qmgr(struct giver *g)
{
	ctl_must_connect(g->ctl, "qmgr", &g->call);
	ctl_out_init(&g->out, OUT_BYTES);
	json_init(&g->json, &g->out);
	if (g->is_json)
		json_open_array(&g->json);
}

static void
put_json(struct giver *g, const struct msg_answer *answer)
{
	static const struct qid none;
	char qid[QID_TEXT_BYTES + 1];
	struct json *j = &g->json;

	if (outbuf_room(&g->out) < ANSWER_MAX_BYTES / 2)
		ctl_out_print(&g->out);
	json_open_object(j);
	json_key(j, STR("command"));
	json_str(j, str_from_c(order_kind_text(g->ask.kind)));
	json_key(j, STR("qid"));
	if (qid_cmp(&g->ask.qid, &none) == 0) {
		json_null(j);
	} else {
		qid_format(&g->ask.qid, qid);
		json_str(j, str_from_c(qid));
	}
	json_key(j, STR("status"));
	json_u64(j, answer->status);
	json_key(j, STR("parts"));
	json_u64(j, answer->n);
	json_key(j, STR("text"));
	json_str(j, answer->text);
	json_close_object(j);
}

static void
put_text(const struct giver *g, const struct msg_answer *answer)
{
	static const struct qid none;
	char qid[QID_TEXT_BYTES + 1] = "";
	FILE *to = answer->status == CTL_FINE ? stdout : stderr;

	if (qid_cmp(&g->ask.qid, &none) != 0)
		qid_format(&g->ask.qid, qid);
	(void)fprintf(to, "%s%s%.*s\n", qid, qid[0] == '\0' ? "" : ": ",
	    STR_ARG(answer->text));
}

/* One order, and what came of it. */
static int
give(struct giver *g)
{
	struct msg_answer answer;
	struct frame *f;

	ask_renew(&g->call);
	g->call.deadline_ms += ORDER_MS;
	ctl_must(call_send_order_ask(&g->call, &g->ask), "the order");
	f = ctl_must_next(&g->call);
	if (f->type != MSG_ANSWER)
		ctl_die(EXIT_TEMP, "the queue manager did not answer");
	ctl_must(msg_answer_decode(&answer, f->body), "an answer");
	if (g->is_json)
		put_json(g, &answer);
	else
		put_text(g, &answer);
	if (answer.status > g->status)
		g->status = answer.status;
	return answer.status;
}

static int
finish(struct giver *g)
{
	if (g->is_json) {
		json_close_array(&g->json);
		ctl_must(json_end(&g->json), "the answers");
		outbuf_putc(&g->out, '\n');
	}
	ctl_out_print(&g->out);
	free(g->out.ptr);
	call_fini(&g->call);
	return g->status;
}

/* --- commands ------------------------------------------------------------- */

static void
give_each(struct giver *g)
{
	const struct ctl *ctl = g->ctl;
	int i;

	/* All are read before the first is given. */
	for (i = 0; i < ctl->argc; i++)
		(void)ask_qid(g->ctl, ctl->argv[i]);
	connect_qmgr(g);
	for (i = 0; i < ctl->argc; i++) {
		g->ask.qid = ask_qid(g->ctl, ctl->argv[i]);
		/* Not permitted, or too much in hand: so will the next be. */
		if (give(g) > CTL_FOUND)
			break;
	}
}

/* A name that a part of the mail's queue gets; NULL: it keeps its own. Empty:
 * it gets none. */
static void
set_name(struct ctl *ctl, const char *option, struct str *name, bool *keeps)
{
	const char *value = ctl_take_option(ctl, option);

	*keeps = value == NULL;
	*name = value == NULL ? STR("") : str_from_c(value);
	if (name->len > ORDER_NAME_MAX_BYTES)
		ctl_usage(
		    ctl, "%s: at most %d bytes", option, ORDER_NAME_MAX_BYTES);
}

/* --to NAME, or --to-tenant and the like. */
static void
take_target(struct giver *g)
{
	struct str to = take_text(g->ctl, "--to", TARGET_BYTES);
	struct outbuf out = { g->target, 0, sizeof(g->target) };
	struct order_target t;

	set_name(g->ctl, "--to-tenant", &t.key.tenant, &t.keeps_tenant);
	set_name(g->ctl, "--to-campaign", &t.key.campaign, &t.keeps_campaign);
	set_name(g->ctl, "--to-domain", &t.key.domain, &t.keeps_domain);
	if ((to.len > 0) ==
	    !(t.keeps_tenant && t.keeps_campaign && t.keeps_domain))
		ctl_usage(g->ctl,
		    "say where to: --to with a queue's name, or what changes "
		    "of it: --to-tenant, --to-campaign, --to-domain");
	if (to.len > 0)
		outbuf_put(&out, to);
	else
		order_target_put(&out, &t);
	/* Only a domain may be written in capitals: names are as they are. */
	for (size_t i = out.len; i > 0 && g->target[i - 1] != '@'; i--)
		g->target[i - 1] = ascii_lower(g->target[i - 1]);
	g->ask.target = outbuf_str(&out);
	if (order_target_parse(&t, g->ask.target) != ERR_OK)
		ctl_usage(g->ctl,
		    "\"%.*s\" is no queue's name: tenants and campaigns have "
		    "letters, digits and \".-_\", and the domain is not empty",
		    STR_ARG(g->ask.target));
}

int
order_run(struct ctl *ctl, enum order_kind kind)
{
	bool is_all = kind == ORDER_RETRY && ctl_take_flag(ctl, "--all");
	bool is_list = (kind == ORDER_HOLD || kind == ORDER_MOVE) &&
	    ctl_take_flag(ctl, "--list");
	struct giver g;

	begin(&g, ctl, kind);
	if (kind == ORDER_MOVE && !is_list)
		take_target(&g);
	ctl_check_args(ctl, 0, ORDER_MAX);
	if (is_all + is_list + has_match(&g) + (ctl->argc > 0) != 1)
		ctl_usage(ctl,
		    "say which mail: queue ids, or what its queue, "
		    "tenant, campaign or domain is");
	if (is_list)
		return order_list_print(ctl, kind, g.is_json);
	if (ctl->argc > 0) {
		give_each(&g);
		return finish(&g);
	}
	connect_qmgr(&g);
	(void)give(&g);
	return finish(&g);
}

int
order_run_suspend(struct ctl *ctl)
{
	const char *span = ctl_take_option(ctl, "--for");
	bool is_list = ctl_take_flag(ctl, "--list");
	struct giver g;

	begin(&g, ctl, ORDER_SUSPEND);
	ctl_check_args(ctl, 0, 0);
	if (is_list || (!has_match(&g) && span == NULL && g.ask.why.len == 0))
		return order_list_print(ctl, ORDER_SUSPEND, g.is_json);
	if (!has_match(&g))
		ctl_usage(ctl,
		    "say which queues: by pattern, tenant, campaign or domain");
	if (span != NULL &&
	    (num_duration_ms(str_from_c(span), &g.ask.for_ms) != ERR_OK ||
	        g.ask.for_ms == 0))
		ctl_usage(ctl,
		    "--for %s: give a time like 30m, 4h or 2d, above none",
		    span);
	connect_qmgr(&g);
	(void)give(&g);
	return finish(&g);
}

/* Numbers of the suspensions to end. */
struct numbers {
	uint64_t *numbers;
	size_t n, cap;
};

static void
add_number(void *arg, const struct msg_order_row *row)
{
	struct numbers *all = arg;

	if (all->n == all->cap) {
		all->cap = all->cap == 0 ? 64 : 2 * all->cap;
		all->numbers =
		    realloc(all->numbers, all->cap * sizeof(uint64_t));
		if (all->numbers == NULL)
			ctl_die(EXIT_TEMP, "no memory for the suspensions");
	}
	all->numbers[all->n++] = row->number;
}

static void
resume_all(struct giver *g)
{
	struct numbers all = { NULL, 0, 0 };
	size_t i;

	order_list_each(g->ctl, ORDER_SUSPEND, add_number, &all);
	connect_qmgr(g);
	for (i = 0; i < all.n; i++) {
		g->ask.number = all.numbers[i];
		/* Found none: it came to its end meanwhile. */
		if (give(g) > CTL_FOUND)
			break;
	}
	free(all.numbers);
}

static void
resume_numbers(struct giver *g)
{
	const struct ctl *ctl = g->ctl;
	uint64_t number;
	int i;

	for (i = 0; i < ctl->argc; i++)
		if (num_u64(str_from_c(ctl->argv[i]), UINT64_MAX, &number) !=
		        ERR_OK ||
		    number == 0)
			ctl_usage(
			    ctl, "\"%s\" is no order's number", ctl->argv[i]);
	connect_qmgr(g);
	for (i = 0; i < ctl->argc; i++) {
		ctl_must(num_u64(str_from_c(ctl->argv[i]), UINT64_MAX,
		             &g->ask.number),
		    "a number");
		if (give(g) > CTL_FOUND)
			break;
	}
}

int
order_run_resume(struct ctl *ctl)
{
	bool is_all = ctl_take_flag(ctl, "--all");
	struct giver g;

	begin(&g, ctl, ORDER_RESUME);
	ctl_check_args(ctl, 0, ORDER_MAX);
	if (is_all + has_match(&g) + (ctl->argc > 0) != 1)
		ctl_usage(ctl,
		    "say which suspension: its number, its condition, "
		    "or --all");
	if (is_all) {
		resume_all(&g);
	} else if (ctl->argc > 0) {
		resume_numbers(&g);
	} else {
		connect_qmgr(&g);
		(void)give(&g);
	}
	return finish(&g);
}
