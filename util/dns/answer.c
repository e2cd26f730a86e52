/* SPDX-License-Identifier: BSD-2-Clause */
/* answer: takes a reply apart. */
#include "util/dns/answer.h"

#include <arpa/nameser.h>
#include <resolv.h>
#include <string.h>

#include "util/text/ascii.h"

/* A reply without a time to live: as resolvers do. */
#define TTL_MAX_S 604800
#define TTL_NEGATIVE_S 300

#define MX_HEAD_BYTES 2
#define SOA_TAIL_BYTES 20

struct reader {
	ns_msg msg;
	char current[NS_MAXDNAME]; /* whose records are wanted */
	struct dns_record *records;
	struct dns_answer *answer;
};

int
dns_type_number(enum dns_type type)
{
	switch (type) {
	case DNS_A:
		return ns_t_a;
	case DNS_AAAA:
		return ns_t_aaaa;
	case DNS_MX:
		return ns_t_mx;
	case DNS_DNSKEY:
		return ns_t_dnskey;
	case DNS_TYPE_N:
		break;
	}
	return ns_t_invalid;
}

/* Names as text, where a dot at the end says nothing. */
static bool
is_same_name(const char *a, const char *b)
{
	struct str x = str_from_c(a), y = str_from_c(b);

	if (str_ends(x, STR(".")))
		x.len--;
	if (str_ends(y, STR(".")))
		y.len--;
	return str_eq_nocase(x, y);
}

/* A name within the packet as text. ERR_SYNTAX: not one. */
static enum err
expand(const struct reader *r, const unsigned char *at, char *out, size_t room)
{
	int n = ns_name_uncompress(
	    ns_msg_base(r->msg), ns_msg_end(r->msg), at, out, room);

	return n < 0 ? ERR_SYNTAX : ERR_OK;
}

static void
limit_ttl(struct reader *r, uint32_t ttl_s)
{
	if (ttl_s < r->answer->ttl_s)
		r->answer->ttl_s = ttl_s;
}

/* The name of an exchanger in lower case, no dot at its end. Bytes that are no
 * part of a host name come escaped, and such a name is none. */
static enum err
take_name(const char *text, char name[DNS_NAME_MAX_BYTES + 1])
{
	size_t n = strlen(text);

	if (n > 0 && text[n - 1] == '.')
		n--;
	if (n > DNS_NAME_MAX_BYTES)
		return ERR_SYNTAX;
	for (size_t i = 0; i < n; i++) {
		if (!ascii_is_print(text[i]) || text[i] == '\\')
			return ERR_SYNTAX;
		name[i] = ascii_lower(text[i]);
	}
	name[n] = '\0';
	return ERR_OK;
}

static enum err
take_mx(const struct reader *r, const ns_rr *rr, struct dns_record *record)
{
	char text[NS_MAXDNAME];
	enum err err;

	if (ns_rr_rdlen(*rr) <= MX_HEAD_BYTES)
		return ERR_SYNTAX;
	record->preference = (uint16_t)ns_get16(ns_rr_rdata(*rr));
	err = expand(r, ns_rr_rdata(*rr) + MX_HEAD_BYTES, text, sizeof(text));
	return err == ERR_OK ? take_name(text, record->name) : err;
}

static enum err
take_record(struct reader *r, const ns_rr *rr)
{
	struct dns_record *record = &r->records[r->answer->n];
	size_t n = ns_rr_rdlen(*rr);
	enum err err = ERR_OK;

	if (r->answer->n == DNS_RECORDS_MAX)
		return ERR_OK;
	*record = (struct dns_record){ .preference = 0 };
	switch (ns_rr_type(*rr)) {
	case ns_t_a:
		err = n == 4 ? ERR_OK : ERR_SYNTAX;
		break;
	case ns_t_aaaa:
		err = n == 16 ? ERR_OK : ERR_SYNTAX;
		break;
	case ns_t_mx:
		err = take_mx(r, rr, record);
		break;
	default:
		break;
	}
	if (err != ERR_OK)
		return err;
	if (n <= sizeof(record->ip))
		memcpy(record->ip, ns_rr_rdata(*rr), n);
	limit_ttl(r, ns_rr_ttl(*rr));
	r->answer->n++;
	return ERR_OK;
}

/* Goes over the answer section once, for records of type that current has, or
 * a name that it is an alias of. *is_alias: current is that name now. */
static enum err
pass(struct reader *r, ns_type type, bool *is_alias)
{
	*is_alias = false;
	for (int i = 0; i < ns_msg_count(r->msg, ns_s_an); i++) {
		enum err err = ERR_OK;
		ns_rr rr;

		if (ns_parserr(&r->msg, ns_s_an, i, &rr) != 0)
			return ERR_SYNTAX;
		if (ns_rr_class(rr) != ns_c_in ||
		    !is_same_name(ns_rr_name(rr), r->current))
			continue;
		if (ns_rr_type(rr) == type) {
			err = take_record(r, &rr);
		} else if (ns_rr_type(rr) == ns_t_cname && !*is_alias) {
			*is_alias = true;
			limit_ttl(r, ns_rr_ttl(rr));
			err = expand(
			    r, ns_rr_rdata(rr), r->current, sizeof(r->current));
		}
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

/* RFC 2308 5: how long it is good that there is nothing. */
static enum err
take_negative_ttl(struct reader *r)
{
	limit_ttl(r, TTL_NEGATIVE_S);
	for (int i = 0; i < ns_msg_count(r->msg, ns_s_ns); i++) {
		ns_rr rr;

		if (ns_parserr(&r->msg, ns_s_ns, i, &rr) != 0)
			return ERR_SYNTAX;
		if (ns_rr_type(rr) != ns_t_soa ||
		    ns_rr_rdlen(rr) < SOA_TAIL_BYTES)
			continue;
		limit_ttl(r, ns_rr_ttl(rr));
		limit_ttl(r,
		    (uint32_t)ns_get32(ns_rr_rdata(rr) + ns_rr_rdlen(rr) - 4));
	}
	return ERR_OK;
}

static bool
is_asked_for(struct reader *r, struct str name, ns_type type)
{
	ns_rr question;

	if (name.len >= sizeof(r->current) ||
	    ns_msg_count(r->msg, ns_s_qd) != 1 ||
	    ns_parserr(&r->msg, ns_s_qd, 0, &question) != 0)
		return false;
	memcpy(r->current, name.ptr, name.len);
	r->current[name.len] = '\0';
	return ns_rr_type(question) == type &&
	    is_same_name(ns_rr_name(question), r->current);
}

static enum err
read_records(struct reader *r, ns_type type)
{
	bool is_alias = true;

	for (int i = 0; i < DNS_CHAIN_MAX && is_alias; i++) {
		enum err err = pass(r, type, &is_alias);

		if (err != ERR_OK)
			return err;
		if (r->answer->n > 0)
			return ERR_OK;
	}
	return is_alias ? ERR_SYNTAX : ERR_OK;
}

enum err
dns_answer_parse(struct str packet, struct str name, enum dns_type type,
    struct dns_record *records, struct dns_answer *answer)
{
	struct reader r = { .records = records, .answer = answer };
	ns_type number = (ns_type)dns_type_number(type);
	ns_rcode rcode;
	enum err err;

	*answer = (struct dns_answer){
		.type = type,
		.found = DNS_FOUND,
		.ttl_s = TTL_MAX_S,
		.records = records,
		.text = "",
	};
	if (packet.len > NS_MAXMSG ||
	    ns_initparse((const unsigned char *)packet.ptr, (int)packet.len,
	        &r.msg) != 0 ||
	    !is_asked_for(&r, name, number))
		return ERR_SYNTAX;
	rcode = (ns_rcode)ns_msg_getflag(r.msg, ns_f_rcode);
	if (rcode != ns_r_noerror && rcode != ns_r_nxdomain) {
		answer->found = DNS_FAILED;
		answer->text = "the resolver refuses to answer";
		return ERR_OK;
	}
	err = read_records(&r, number);
	if (err == ERR_OK && answer->n == 0) {
		answer->found =
		    rcode == ns_r_nxdomain ? DNS_NO_NAME : DNS_NO_DATA;
		err = take_negative_ttl(&r);
	}
	return err;
}
