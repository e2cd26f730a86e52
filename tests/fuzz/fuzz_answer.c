/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_answer: a DNS reply, whatever its bytes, is read or refused. */
#include "util/dns/answer.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dns_record records[DNS_RECORDS_MAX];
	struct str packet = { (const char *)data, size };
	struct dns_answer answer;

	for (int type = 0; type < DNS_TYPE_N; type++) {
		if (dns_answer_parse(packet, STR("d.test"), (enum dns_type)type,
		        records, &answer) != ERR_OK)
			continue;
		BUG_IF(answer.n > DNS_RECORDS_MAX);
		BUG_IF((answer.found == DNS_FOUND) != (answer.n > 0));
		for (uint32_t i = 0; i < answer.n; i++)
			BUG_IF(strlen(records[i].name) > DNS_NAME_MAX_BYTES);
	}
	return 0;
}
