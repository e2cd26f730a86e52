/* SPDX-License-Identifier: BSD-2-Clause */
/* answer: what a DNS reply says of one name and type (RFC 1035). */
#ifndef UTIL_DNS_ANSWER_H
#define UTIL_DNS_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

/* Longest name as text, without the dot at its end. */
#define DNS_NAME_MAX_BYTES 253

/* Records that are kept of a reply; further ones are left out. */
#define DNS_RECORDS_MAX 64

/* Names of a CNAME chain. */
#define DNS_CHAIN_MAX 12

enum dns_type { DNS_A, DNS_AAAA, DNS_MX, DNS_DNSKEY, DNS_TYPE_N };

enum dns_found {
	DNS_FOUND,
	DNS_NO_NAME, /* the name does not exist */
	DNS_NO_DATA, /* it does, and has no record of the type */
	DNS_FAILED   /* not to be had now; text says why */
};

/* One record; the fields of its type. */
struct dns_record {
	uint8_t ip[16];                    /* A: the first 4; AAAA */
	uint16_t preference;               /* MX */
	char name[DNS_NAME_MAX_BYTES + 1]; /* MX: lower case; "": the root */
};

struct dns_answer {
	enum dns_type type; /* that was asked for */
	enum dns_found found;
	bool is_secure; /* signed, and the signature holds */
	uint32_t ttl_s; /* least of all that it was made of */
	uint32_t n;
	const struct dns_record *records;
	const char *text; /* DNS_FAILED: the reason; else "" */
};

/*
 * Reads the records of type for name, a domain without a dot at its end, and
 * whatever name it is an alias of, into records (room for DNS_RECORDS_MAX).
 * Sets all of *answer but is_secure.
 *
 * ERR_SYNTAX	garbage, a chain without end, or another question's answer
 */
MUST_USE enum err dns_answer_parse(struct str packet, struct str name,
    enum dns_type type, struct dns_record *records, struct dns_answer *answer);

/* The number that stands for a type in packets. */
int dns_type_number(enum dns_type type);

#endif /* UTIL_DNS_ANSWER_H */
