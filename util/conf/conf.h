/* SPDX-License-Identifier: BSD-2-Clause */
/* conf: one generation of the configuration, typed and checked. */
#ifndef UTIL_CONF_CONF_H
#define UTIL_CONF_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/conf/errors.h"
#include "util/conf/net.h"
#include "util/log/log.h"
#include "util/text/num.h"
#include "util/text/str.h"

/* Where a value was set. */
struct conf_place {
	uint32_t line; /* from 1; 0: nowhere, it is the default */
	uint16_t file; /* index among the files read */
};

struct conf_strs {
	const struct str *items;
	uint32_t n;
};

struct conf_nets {
	const struct conf_net *items;
	uint32_t n;
};

/* listener: bare_line_ends. */
enum conf_bare { CONF_BARE_REJECT, CONF_BARE_NORMALISE };
/* Numbered as the first of enum transport. */
enum conf_transport {
	CONF_TRANSPORT_SMTP,
	CONF_TRANSPORT_LMTP,
	CONF_TRANSPORT_DISCARD
};
/* Numbered as enum on_doubt. */
enum conf_doubt { CONF_DOUBT_RETRY, CONF_DOUBT_HOLD, CONF_DOUBT_BOUNCE };
enum conf_dnssec { CONF_DNSSEC_AUTO, CONF_DNSSEC_OFF, CONF_DNSSEC_REQUIRE };

/*
 * The C type and field name of each type of params.def; units stand last in
 * the name. Texts end in a NUL behind their length; domains are in lower case.
 */
#define CONF_TYPE_host struct str
#define CONF_TYPE_path struct str
#define CONF_TYPE_field struct str
#define CONF_TYPE_number uint32_t
#define CONF_TYPE_mode uint32_t
#define CONF_TYPE_duration int64_t
#define CONF_TYPE_size uint64_t
#define CONF_TYPE_rate struct rate /* count 0: no limit */
#define CONF_TYPE_addresses struct conf_strs
#define CONF_TYPE_relays struct conf_strs
#define CONF_TYPE_domains struct conf_strs /* ask conf_domains_match() */
#define CONF_TYPE_patterns struct conf_strs
#define CONF_TYPE_networks struct conf_nets

#define CONF_NAME_host(name) name
#define CONF_NAME_path(name) name
#define CONF_NAME_field(name) name
#define CONF_NAME_number(name) name
#define CONF_NAME_mode(name) name
#define CONF_NAME_duration(name) name##_ms
#define CONF_NAME_size(name) name##_bytes
#define CONF_NAME_rate(name) name
#define CONF_NAME_addresses(name) name
#define CONF_NAME_relays(name) name
#define CONF_NAME_domains(name) name
#define CONF_NAME_patterns(name) name
#define CONF_NAME_networks(name) name

/* enum { CONF_site_connections, ..., CONF_N_site }: index into place[]. */
#define SECTION_ONE(section, doc) \
	enum conf_##section##_param \
	{
#define SECTION_MANY(section, title, doc) SECTION_ONE(section, doc)
#define PARAM(section, name, type, dflt, min, max, example, doc) \
	CONF_##section##_##name,
#define CHOICE(section, name, tag, words, dflt, doc) CONF_##section##_##name,
#define SECTION_END(section) \
	CONF_N_##section \
	} \
	;
#include "util/conf/params.def"

/* What all sections begin with. */
struct conf_head {
	struct str title;     /* empty in a section that has none */
	struct conf_place at; /* of the section itself */
};

/* struct conf_site { head; place[]; connections; ...; idle_reuse_ms; ... } */
#define SECTION_ONE(section, doc) \
	struct conf_##section { \
		struct conf_head head; \
		struct conf_place place[CONF_N_##section];
#define SECTION_MANY(section, title, doc) SECTION_ONE(section, doc)
#define PARAM(section, name, type, dflt, min, max, example, doc) \
	CONF_TYPE_##type CONF_NAME_##type(name);
#define CHOICE(section, name, tag, words, dflt, doc) enum tag name;
#define SECTION_END(section) \
	} \
	;
#include "util/conf/params.def"

/*
 * conf->main.node, conf->spool.segment_size_bytes;
 * conf->listener[0 .. conf->n_listener - 1].max_line_bytes.
 * Of tenant, queue, provider and site ask lookup.h: it joins what applies.
 */
struct conf {
#define SECTION_ONE(section, doc) struct conf_##section section;
#define SECTION_MANY(section, title, doc) \
	const struct conf_##section *section; \
	uint32_t n_##section;
#include "util/conf/params.def"
	struct conf_index *index; /* files, memory, search tables: private */
};

/*
 * Reads a snapshot (snapshot.h). Fails with all that is wrong in errors, each
 * with file and line, sorted by them. Keeps nothing of blob.
 *
 * ERR_SYNTAX	errors has at least one; *conf is untouched
 */
MUST_USE enum err conf_new(
    struct conf **conf, struct str blob, struct conf_errors *errors);
void conf_free(struct conf **conf);

/* Appends "FILE:LINE", or "default"; cut where out has no room. */
void conf_put_place(
    const struct conf *conf, struct conf_place place, struct outbuf *out);

#endif /* UTIL_CONF_CONF_H */
