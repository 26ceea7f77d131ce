#pragma once

/// @file
/// The version of these headers.

/// Before 1.0 a new minor version may change an interface; a patch never does.
#define LEASEHOLD_VERSION_MAJOR 0
/// See LEASEHOLD_VERSION_MAJOR.
#define LEASEHOLD_VERSION_MINOR 2
/// See LEASEHOLD_VERSION_MAJOR.
#define LEASEHOLD_VERSION_PATCH 0

/// To compare with: `#if LEASEHOLD_VERSION >= 200` is true from 0.2.0 on.
#define LEASEHOLD_VERSION (LEASEHOLD_VERSION_MAJOR * 10000 + LEASEHOLD_VERSION_MINOR * 100 + LEASEHOLD_VERSION_PATCH)
