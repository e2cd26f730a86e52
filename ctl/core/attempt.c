/* SPDX-License-Identifier: BSD-2-Clause */
/* attempt: one line out of a JSON object. */
#include "ctl/core/attempt.h"

#include <stdbool.h>
#include <stdint.h>

#include "util/text/jsonread.h"

enum err
attempt_init(struct attempt *a, struct str facts)
{
	enum err err;

	*a = (struct attempt){ .facts = NULL };
	err = jsonread_new(&a->facts, facts);
	if (err == ERR_FULL)
		return ERR_FULL;
	if (err != ERR_OK || !str_starts(str_trim(facts), STR("{")))
		return ERR_SYNTAX;
	a->site = jsonread_str(jsonread_get(a->facts, "site"));
	return ERR_OK;
}

void
attempt_fini(struct attempt *a)
{
	jsonread_free(&a->facts);
	a->site = (struct str){ NULL, 0 };
}

/* A line that is cut where there is no room. */
struct line {
	struct outbuf *out;
	size_t begin;
	bool is_cut;
};

static void
put(struct line *l, struct str s)
{
	size_t room = outbuf_room(l->out);

	if (l->is_cut)
		return;
	l->is_cut = s.len > room;
	outbuf_put(l->out, str_head(s, l->is_cut ? room : s.len));
}

/* The same, with what divides it from the text before it, if there is any. */
static void
put_after(struct line *l, struct str divider, struct str s)
{
	if (s.len == 0)
		return;
	if (l->out->len > l->begin)
		put(l, divider);
	put(l, s);
}

static struct str
text(const struct json_t *object, const char *key)
{
	return jsonread_str(jsonread_get(object, key));
}

static void
put_host(struct line *l, const struct json_t *facts)
{
	struct str host = text(facts, "host");
	struct str address = text(facts, "address");

	put(l, host);
	if (host.len == 0)
		put(l, address);
	else if (address.len > 0 && !str_eq(address, host)) {
		put(l, STR(" ("));
		put(l, address);
		put(l, STR(")"));
	}
}

static void
put_rcpt(struct line *l, const struct json_t *rcpt)
{
	struct str reply = text(rcpt, "reply");

	put_after(l, STR("; "), text(rcpt, "rcpt"));
	put(l, STR(": "));
	put(l, text(rcpt, "verdict"));
	if (reply.len > 0)
		put(l, STR(" "));
	put(l, reply);
}

static void
put_rcpts(struct line *l, const struct json_t *facts)
{
	const struct json_t *rcpts = jsonread_get(facts, "rcpts");
	int64_t omitted = jsonread_num(jsonread_get(facts, "omitted"));
	size_t n = jsonread_n(rcpts);
	char bytes[OUTBUF_U64_BYTES];
	struct outbuf number = { bytes, 0, sizeof(bytes) };

	if (n == 1 && omitted <= 0 &&
	    text(jsonread_item(rcpts, 0), "reply").len == 0)
		return;
	for (size_t i = 0; i < n && !l->is_cut; i++)
		put_rcpt(l, jsonread_item(rcpts, i));
	if (omitted <= 0)
		return;
	outbuf_put_u64(&number, (uint64_t)omitted);
	put_after(l, STR("; and "), outbuf_str(&number));
	put(l, STR(" more"));
}

/* What a person did: "hold by alice (uid 0): why"; "move from a.test to b.test
 * by alice (uid 0)". */
static void
put_order(struct line *l, const struct json_t *facts)
{
	char bytes[OUTBUF_U64_BYTES];
	struct outbuf number = { bytes, 0, sizeof(bytes) };
	int64_t uid = jsonread_num(jsonread_get(facts, "uid"));
	struct str by = text(facts, "by");

	if (text(facts, "command").len == 0)
		return;
	outbuf_put_u64(&number, uid > 0 ? (uint64_t)uid : 0);
	put(l, text(facts, "command"));
	if (text(facts, "to").len > 0) {
		put(l, STR(" from "));
		put(l, text(facts, "from"));
		put(l, STR(" to "));
		put(l, text(facts, "to"));
	}
	put(l, STR(" by "));
	put(l, by);
	put(l, by.len > 0 ? STR(" (uid ") : STR("uid "));
	put(l, outbuf_str(&number));
	if (by.len > 0)
		put(l, STR(")"));
	put_after(l, STR(": "), text(facts, "why"));
}

static void
put_try(struct line *l, const struct json_t *facts)
{
	struct str stage = text(facts, "stage");
	struct str reply = text(facts, "reply");

	put_host(l, facts);
	/* What came instead of a reply begins with its stage already. */
	if (!str_starts(reply, stage))
		put_after(l, STR(": "), stage);
	put_after(l, STR(": "), reply);
	put_rcpts(l, facts);
}

/* What was submitted to tell the sender, rather than delivered. */
static void
put_notice(struct line *l, const struct json_t *facts)
{
	struct str qid = text(facts, "qid");
	bool is_delay = str_eq(text(facts, "notice"), STR("delay"));

	if (!str_eq(text(facts, "outcome"), STR("told"))) {
		put(l, STR("notice to "));
		put(l, text(facts, "to"));
		put(l, STR(": "));
		put_try(l, facts);
	} else if (text(facts, "to").len == 0) {
		put(l, STR("the sender wants no notice"));
	} else {
		put(l,
		    is_delay ? STR("the sender was told of the delay")
		             : STR("the sender was told"));
		put_after(l, STR(": notice "), qid);
	}
}

void
attempt_put(const struct attempt *a, struct outbuf *out)
{
	static const struct str dots = STR_INIT("...");
	struct line l = { out, out->len, false };

	put_order(&l, a->facts);
	if (text(a->facts, "notice").len > 0)
		put_notice(&l, a->facts);
	else
		put_try(&l, a->facts);
	if (!l.is_cut || out->len - l.begin < dots.len)
		return;
	out->len -= dots.len;
	outbuf_put(out, dots);
}
