/* SPDX-License-Identifier: BSD-2-Clause */
/* version: what this release calls itself. */
#ifndef UTIL_SVC_VERSION_H
#define UTIL_SVC_VERSION_H

#define HOLDFAST_VERSION "0.1.0"

#endif /* UTIL_SVC_VERSION_H */
