#include "Leasehold/ConformanceSuite.h"
#include "suites.h"

#include <cppunit/TestAssert.h>

#include <algorithm>
#include <string>
#include <vector>

namespace Leasehold
{
namespace
{

/// Names sorted byte by byte. Each is a different lock: a storage must not fold, cut, trim or decode names.
std::vector<std::string> awkwardNames()
{
    std::vector<std::string> names{
        "a",
        "A",
        "a ",
        " a",
        "a/b",
        "a/b/",
        "/a",
        "a//b",
        "a/./b",
        "a/../b",
        "a/..",
        "./a",
        "../a",
        "/",
        "//",
        "a b",
        "a+b",
        "a%2Fb",
        "a%2fb",
        "a%",
        "%",
        "%%",
        "a\"b",
        "a'b",
        "a\\b",
        "a?b#c&d=e",
        "a_b",
        "a-b",
        "a*b",
        "a;b",
        "a:b",
        "a`b",
        "a$b",
        "a{b}",
        "a[b]",
        "a<b>",
        "a,b",
        ".",
        "..",
        "*",
        "?",
        "_",
        "_x",
        "-x",
        ",",
        "{}",
        "null",
        "0",
        "00",
        "1e0",
        "\xc3\xa9",  // e with acute
        "e\xcc\x81", // the same, composed
        "\xc3\x89",  // the same, upper case
        "\xc3\x9f",  // sharp s
        "ss",
        "\xef\xac\x81", // a ligature that some normal forms decompose
        "fi",
        "\xe2\x80\xa8",     // line separator
        "\xef\xbf\xbd",     // replacement character
        "\xf0\x9f\x94\x92", // beyond the basic plane
        "\xef\xbd\x81",     // sorts after the one before in UTF-16, before it in UTF-8
        std::string(512, 'n'),
        std::string(511, 'n'),
        std::string(511, 'n') + "m",
        std::string(510, 'n') + "\xc3\xa9",
    };
    std::ranges::sort(names);
    return names;
}

/// JSON objects whose text a storage must not change.
std::vector<std::string> awkwardMetadata()
{
    std::string nested = "1";
    for (int depth = 0; depth < 40; ++depth)
        nested.insert(0, R"({"d":)").append("}");
    return {
        "{}",
        "{ \"spaced\" :  1 }",
        R"({"b":1,"a":{"deep":[1,2.50,{"x":null}]},"b2":true})", // the order of keys, and a trailing zero
        R"({"quote":"\"\\\/\u0041\n","apostrophe":"it's"})",
        R"({"big":123456789012345678901234567890,"small":1e-400})",
        "{\"utf\":\"\xc3\xa9\xf0\x9f\x94\x92\"}",
        R"({"percent":"%s %00 ${x} {{y}}","sql":"'; DROP TABLE locks; --"})",
        nested,
        "{\"long\":\"" + std::string(16 * 1024 - 11, 'm') + "\"}", // the maximum length
    };
}

} // namespace

/// Tests that the storage keeps names and metadata byte by byte.
void addNameTests(ConformanceSuite& suite)
{
    suite.layer("names");

    suite.test("testEveryNameIsALockOfItsOwn",
               [](StoreBench& bench)
               {
                   const auto names = awkwardNames();
                   std::vector<Grant> grants;
                   for (const auto& name : names)
                   {
                       // Each name has its own token: with one token, an acquire of a folded name would count as the same request sent
                       // again.
                       const auto number = std::to_string(grants.size());
                       grants.push_back(bench.grant(name, "t" + number, {.metadata = R"({"number":)" + number + "}"}));
                   }
                   for (const auto& grant : grants)
                   {
                       bench.requireUnchanged(grant.record);
                       CPPUNIT_ASSERT_MESSAGE(grant.lease.name, bench.renewStatus(grant.lease) == RenewStatus::renewed);
                   }
                   for (const auto& grant : grants)
                       CPPUNIT_ASSERT_MESSAGE(grant.lease.name, bench.release(grant.lease).status == ReleaseStatus::released);
                   for (const auto& name : names)
                       CPPUNIT_ASSERT_MESSAGE(name, !bench.find(name));
               });

    suite.test("testListGivesEveryNameInTheOrderOfItsBytes",
               [](StoreBench& bench)
               {
                   const auto names = awkwardNames();
                   for (const auto& name : names)
                       bench.grant(name, "t");
                   const auto listed = bench.store().list({}, StoreBench::context());
                   CPPUNIT_ASSERT_EQUAL(names.size(), listed.size());
                   for (std::size_t index = 0; index < names.size(); ++index)
                       CPPUNIT_ASSERT_EQUAL(names[index], listed[index].name);
               });

    suite.test("testPageOfTheListGoesOnWhereTheLastOneEnded",
               [](StoreBench& bench)
               {
                   const auto names = awkwardNames();
                   for (const auto& name : names)
                       bench.grant(name, "t");
                   std::vector<std::string> seen;
                   for (std::string after;;)
                   {
                       const auto page = bench.store().list({.after = after, .limit = 7}, StoreBench::context());
                       CPPUNIT_ASSERT(page.size() <= 7);
                       if (page.empty())
                           break;
                       for (const auto& record : page)
                           seen.push_back(record.name);
                       after = seen.back();
                       CPPUNIT_ASSERT_MESSAGE("the list does not end", seen.size() <= names.size());
                   }
                   CPPUNIT_ASSERT(seen == names);
               });

    suite.test("testPrefixSelectsByBytesAndNothingElse",
               [](StoreBench& bench)
               {
                   const auto names = awkwardNames();
                   for (const auto& name : names)
                       bench.grant(name, "t");
                   for (const std::string prefix : {"a", "A", "a%", "a_", "a*", "_", "*", "\xc3\xa9", "\\", "nn", "absent"})
                   {
                       std::vector<std::string> expected;
                       std::ranges::copy_if(names, std::back_inserter(expected),
                                            [&](const auto& name) { return name.starts_with(prefix); });
                       std::vector<std::string> listed;
                       for (const auto& record : bench.store().list({.prefix = prefix}, StoreBench::context()))
                           listed.push_back(record.name);
                       CPPUNIT_ASSERT_MESSAGE("prefix " + prefix, listed == expected);
                   }
                   const auto rest = bench.store().list({.prefix = "a", .after = "a ", .limit = 1}, StoreBench::context());
                   CPPUNIT_ASSERT_EQUAL(std::size_t{1}, rest.size());
                   CPPUNIT_ASSERT_EQUAL(std::string("a b"), rest.front().name);
               });

    suite.test("testMetadataComesBackByteByByte",
               [](StoreBench& bench)
               {
                   int number = 0;
                   for (const auto& metadata : awkwardMetadata())
                   {
                       const std::string name = "m" + std::to_string(++number);
                       const auto grant = bench.grant(name, "t", {.metadata = metadata});
                       CPPUNIT_ASSERT_EQUAL(metadata, grant.record.metadata);
                       CPPUNIT_ASSERT_EQUAL(metadata, bench.find(name)->metadata);
                       CPPUNIT_ASSERT_EQUAL(metadata, bench.acquire(name, "u").record.metadata);
                       CPPUNIT_ASSERT_EQUAL(metadata, bench.store().list({.prefix = name}, StoreBench::context()).at(0).metadata);
                   }
               });

    suite.test("testMetadataSurvivesRenewals",
               [](StoreBench& bench)
               {
                   int number = 0;
                   for (const auto& metadata : awkwardMetadata())
                   {
                       const std::string name = "m" + std::to_string(++number);
                       const auto grant = bench.grant(name, "t", {.metadata = metadata});
                       for (int renewal = 0; renewal < 2; ++renewal)
                           CPPUNIT_ASSERT(bench.renewStatus(grant.lease) == RenewStatus::renewed);
                       CPPUNIT_ASSERT_EQUAL(metadata, bench.find(name)->metadata);
                   }
               });

    suite.test("testTokensAreComparedByteByByte",
               [](StoreBench& bench)
               {
                   const std::string token = "0123456789abcdef0123456789ABCDEF";
                   const auto grant = bench.grant("a", token);
                   for (const std::string other : {"0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789ABCDE",
                                                   "0123456789abcdef0123456789ABCDEF0", "0123456789ABCDEF0123456789ABCDEF"})
                   {
                       CPPUNIT_ASSERT(bench.acquire("a", other).status == AcquireStatus::held);
                       CPPUNIT_ASSERT(bench.renewStatus({"a", other, grant.lease.fence}) == RenewStatus::lost);
                       CPPUNIT_ASSERT(bench.release({"a", other, grant.lease.fence}).status == ReleaseStatus::notHeld);
                   }
                   bench.requireUnchanged(grant.record);
               });
}

} // namespace Leasehold
