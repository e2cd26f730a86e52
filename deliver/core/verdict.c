/* SPDX-License-Identifier: BSD-2-Clause */
/* verdict: the built-in patterns of throttles, and the table of verdicts. */
#include "deliver/core/verdict.h"

#include "util/base/array.h"
#include "util/base/fatal.h"
#include "util/text/ascii.h"
#include "util/text/num.h"

#define CODE_CLOSING 421
#define CLASS_OF 100
#define MS_PER_S 1000u
#define S_PER_MINUTE 60u
#define S_PER_HOUR 3600u
#define CODE_TOO_MANY 452
#define CODE_TOO_MUCH 552
#define SUBJECT_PROTOCOL 5
#define DETAIL_TOO_MANY 3

/* All in small letters. */
static const struct str about_us[] = {
	STR_INIT("too many connections"),
	STR_INIT("too many concurrent"),
	STR_INIT("too many simultaneous"),
	STR_INIT("too many sessions"),
	STR_INIT("too many messages"),
	STR_INIT("connection limit"),
	STR_INIT("connection rate"),
	STR_INIT("rate limit"),
	STR_INIT("rate-limit"),
	STR_INIT("ratelimit"),
	STR_INIT("rate exceeded"),
	STR_INIT("message rate"),
	STR_INIT("sending rate"),
	STR_INIT("throttl"),
};

static const struct str waits[] = {
	STR_INIT("try again in "),
	STR_INIT("try again after "),
	STR_INIT("retry in "),
	STR_INIT("retry after "),
};

static const struct str about_the_connection[] = {
	STR_INIT("in this connection"),
	STR_INIT("on this connection"),
	STR_INIT("per connection"),
	STR_INIT("in this session"),
	STR_INIT("per session"),
	STR_INIT("idle"),
	STR_INIT("timeout"),
	STR_INIT("timed out"),
};

static const struct str about_the_triplet[] = {
	STR_INIT("greylist"),
	STR_INIT("graylist"),
	STR_INIT("grey list"),
	STR_INIT("gray list"),
};

/* What stands behind the first occurrence of word in text; len 0 and ptr NULL:
 * there is none. Texts are at most REPLY_MAX_BYTES. */
static struct str
behind(struct str text, struct str word)
{
	for (; text.len >= word.len; str_skip(&text, 1))
		if (str_starts(text, word))
			return str_tail(text, word.len);
	return (struct str){ NULL, 0 };
}

static bool
has_any(struct str text, const struct str *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (behind(text, words[i]).ptr != NULL)
			return true;
	return false;
}

/* "5 minutes", "30s", "1 hour": in ms; 0: it is none of these. */
static uint32_t
read_span(struct str s)
{
	struct str digits = s;
	uint64_t n, unit_s;

	for (digits.len = 0; digits.len < s.len; digits.len++)
		if (!ascii_is_digit(s.ptr[digits.len]))
			break;
	if (num_u64(digits, VERDICT_WAIT_MAX_MS, &n) != ERR_OK)
		return 0;
	s = str_trim(str_tail(s, digits.len));
	if (str_starts(s, STR("s")))
		unit_s = 1;
	else if (str_starts(s, STR("m")))
		unit_s = S_PER_MINUTE;
	else if (str_starts(s, STR("h")))
		unit_s = S_PER_HOUR;
	else
		return 0;
	n *= unit_s * MS_PER_S;
	return n < VERDICT_WAIT_MAX_MS ? (uint32_t)n : VERDICT_WAIT_MAX_MS;
}

static uint32_t
find_wait(struct str text)
{
	for (size_t i = 0; i < COUNT_OF(waits); i++) {
		struct str rest = behind(text, waits[i]);
		uint32_t ms = rest.ptr == NULL ? 0 : read_span(rest);

		if (ms > 0)
			return ms;
	}
	return 0;
}

/* Before a recipient is named nothing can be about one. */
static bool
is_before_rcpt(enum smtp_stage stage)
{
	return stage < STAGE_RCPT || stage == STAGE_RSET ||
	    stage == STAGE_QUIT || stage == STAGE_IDLE;
}

/* text is in small letters. */
static bool
is_throttle(const struct reply *reply, enum smtp_stage stage, struct str text,
    uint32_t wait_ms)
{
	if (reply->code == CODE_CLOSING)
		return true;
	if (reply->code / CLASS_OF != 4 && !is_before_rcpt(stage))
		return false;
	if (has_any(text, about_us, COUNT_OF(about_us)))
		return true;
	return wait_ms > 0 && stage != STAGE_RCPT &&
	    !has_any(text, about_the_triplet, COUNT_OF(about_the_triplet));
}

static bool
is_too_many_by_code(const struct reply *reply)
{
	return reply->enhanced.subject == SUBJECT_PROTOCOL &&
	    reply->enhanced.detail == DETAIL_TOO_MANY;
}

/* 552 5.5.3 to RCPT is 452 by another name (RFC 5321 4.5.3.1.10). */
static bool
is_final(const struct reply *reply, enum smtp_stage stage)
{
	if (reply->code / CLASS_OF == 4)
		return false;
	return stage != STAGE_RCPT || reply->code != CODE_TOO_MUCH ||
	    !is_too_many_by_code(reply);
}

/* The reply's text in small letters; out has REPLY_MAX_BYTES of room, which are
 * always enough. */
static struct str
small_text(const struct reply *reply, struct outbuf *out)
{
	BUG_IF(reply_put_text(reply, out) != ERR_OK);
	str_lower(out->ptr, out->len);
	return outbuf_str(out);
}

bool
verdict_is_too_many(const struct reply *reply)
{
	char bytes[REPLY_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	if (reply->code != CODE_TOO_MANY && reply->code != CODE_TOO_MUCH)
		return false;
	if (reply->enhanced.klass != 0)
		return is_too_many_by_code(reply);
	return reply->code == CODE_TOO_MANY &&
	    behind(small_text(reply, &out), STR("too many recipients")).ptr !=
	    NULL;
}

static struct ruling
judge_refusal(const struct reply *reply, enum smtp_stage stage)
{
	char bytes[REPLY_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct str text = small_text(reply, &out);
	uint32_t wait_ms;

	if (reply->code == CODE_CLOSING && stage == STAGE_MAIL &&
	    has_any(text, about_the_connection, COUNT_OF(about_the_connection)))
		return (struct ruling){ .answer = ANSWER_CLOSING };
	wait_ms = find_wait(text);
	if (is_throttle(reply, stage, text, wait_ms))
		return (struct ruling){ ANSWER_THROTTLE, wait_ms };
	if (is_final(reply, stage))
		return (struct ruling){ .answer = ANSWER_PERM };
	return (struct ruling){ .answer = ANSWER_TEMP };
}

struct ruling
verdict_judge(const struct reply *reply, enum smtp_stage stage)
{
	switch (reply->code / CLASS_OF) {
	case 2:
		return (struct ruling){ .answer = ANSWER_OK };
	case 3:
		return (struct ruling){ .answer = ANSWER_GO };
	default:
		return judge_refusal(reply, stage);
	}
}

enum verdict
verdict_of(enum answer answer)
{
	switch (answer) {
	case ANSWER_OK:
		return VERDICT_DELIVERED;
	case ANSWER_PERM:
		return VERDICT_BOUNCED;
	case ANSWER_THROTTLE:
	case ANSWER_CLOSING:
		return VERDICT_THROTTLED;
	case ANSWER_GO:
	case ANSWER_TEMP:
	case ANSWER_NOISE:
	case ANSWER_LOST:
	case ANSWER_LATE:
	case ANSWER_N:
		break;
	}
	return VERDICT_DEFERRED;
}

const char *
verdict_answer_text(enum answer answer)
{
	static const char *const texts[ANSWER_N] = {
		[ANSWER_OK] = "2xx",
		[ANSWER_GO] = "3xx",
		[ANSWER_TEMP] = "4xx",
		[ANSWER_PERM] = "5xx",
		[ANSWER_THROTTLE] = "throttle",
		[ANSWER_CLOSING] = "closing",
		[ANSWER_NOISE] = "noise",
		[ANSWER_LOST] = "lost",
		[ANSWER_LATE] = "late",
	};

	return answer < ANSWER_N ? texts[answer] : "?";
}
