#include "Leasehold/Metadata.h"
#include "Leasehold/Exceptions.h"
#include "thrown.h"

#include <Poco/Dynamic/Struct.h>
#include <Poco/Dynamic/Var.h>
#include <Poco/JSON/Array.h>
#include <Poco/JSON/Object.h>
#include <Poco/JSON/Parser.h>

#include <cppunit/extensions/HelperMacros.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using namespace Leasehold;

namespace
{

std::string canonical(std::string_view text)
{
    return Metadata::fromJSON(text).json();
}

void assertRefused(const std::string& text)
{
    try
    {
        const auto accepted = Metadata::fromJSON(text);
        CPPUNIT_FAIL("accepted: " + text + " as " + accepted.json());
    }
    catch (const InvalidLockRequest& error)
    {
        assertNames(error.what(), {"metadata", "JSON object", "16384"});
    }
}

std::string nested(std::size_t levels)
{
    std::string text;
    for (std::size_t i = 1; i < levels; ++i)
        text += R"({"a":)";
    text += "{}";
    return text.append(levels - 1, '}');
}

} // namespace

class MetadataTest : public CppUnit::TestFixture
{
    CPPUNIT_TEST_SUITE(MetadataTest);
    CPPUNIT_TEST(testNothingIsAnEmptyObject);
    CPPUNIT_TEST(testTextsNumbersAndBoolsAreWrittenAsJSON);
    CPPUNIT_TEST(testNumbersKeepTheirValue);
    CPPUNIT_TEST(testQuotesAndControlCharactersAreEscaped);
    CPPUNIT_TEST(testWhatIsWrittenIsReadBackByTheParser);
    CPPUNIT_TEST(testNotANumberAndInfinitiesAreRefused);
    CPPUNIT_TEST(testTextThatIsNotUtf8IsRefused);
    CPPUNIT_TEST(testDuplicateKeyIsRefused);
    CPPUNIT_TEST(testJSONTextBecomesCanonical);
    CPPUNIT_TEST(testEqualObjectsAreEqualHoweverTheyWereMade);
    CPPUNIT_TEST(testWhatIsNotOneObjectIsRefused);
    CPPUNIT_TEST(testNumbersOfJSONTextKeepTheirValue);
    CPPUNIT_TEST(testNumbersOfJSONTextStayAsTheyAreWritten);
    CPPUNIT_TEST(testNumberBeyondTheRangeOfADoubleIsRefused);
    CPPUNIT_TEST(testWholeNumberBeyond64BitsIsRefusedAndNotTakenForAnother);
    CPPUNIT_TEST(testLargeRealIsReadAsTheSame);
    CPPUNIT_TEST(testEscapesOfJSONTextAreDecoded);
    CPPUNIT_TEST(testHostileNestingIsRefusedAndDoesNoHarm);
    CPPUNIT_TEST(testSixteenKibibytesAreTheLimit);
    CPPUNIT_TEST(testPocoObjectIsTaken);
    CPPUNIT_TEST(testEveryKindOfValueOfAPocoObjectIsWritten);
    CPPUNIT_TEST(testPocoObjectThatContainsItselfIsRefused);
    CPPUNIT_TEST(testPocoObjectThatCannotBeJSONIsRefused);
    CPPUNIT_TEST_SUITE_END();

public:
    void testNothingIsAnEmptyObject()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("{}"), Metadata().json());
        const Metadata noEntries{};
        CPPUNIT_ASSERT_EQUAL(std::string("{}"), noEntries.json());
        CPPUNIT_ASSERT_EQUAL(std::string("{}"), canonical(" {\n} "));
    }

    void testTextsNumbersAndBoolsAreWrittenAsJSON()
    {
        const Metadata metadata{{"host", "web-1"}, {"attempt", 3}, {"dryRun", false}, {"share", 0.5}, {"who", std::string("Grüße")}};
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"host":"web-1","attempt":3,"dryRun":false,"share":0.5,"who":"Grüße"})"), metadata.json());
        const Metadata one{{"a", "b"}};
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"a":"b"})"), one.json());
    }

    void testNumbersKeepTheirValue()
    {
        const Metadata metadata{{"least", std::numeric_limits<std::int64_t>::min()},
                                {"most", std::numeric_limits<std::uint64_t>::max()},
                                {"tenth", 0.1},
                                {"big", 1e300},
                                {"minus", -2.5F}};
        CPPUNIT_ASSERT_EQUAL(
            std::string(R"({"least":-9223372036854775808,"most":18446744073709551615,"tenth":0.1,"big":1e+300,"minus":-2.5})"),
            metadata.json());
    }

    void testQuotesAndControlCharactersAreEscaped()
    {
        using namespace std::string_literals;
        const Metadata metadata{{"a\"b", "c\\d\n\r\t\b\f\x01\x1f/\x7f\0z"s}};
        CPPUNIT_ASSERT_EQUAL("{\"a\\\"b\":\"c\\\\d\\n\\r\\t\\b\\f\\u0001\\u001f/\x7f\\u0000z\"}"s, metadata.json());
        CPPUNIT_ASSERT_EQUAL(metadata.json(), canonical(metadata.json()));
    }

    void testWhatIsWrittenIsReadBackByTheParser()
    {
        std::string every;
        for (int byte = 1; byte < 0x80; ++byte)
            every += static_cast<char>(byte);
        every += "äöü \xE2\x82\xAC \xF0\x9F\x94\x92";
        const Metadata metadata{{"text", every}, {every, 1}};
        Poco::JSON::Parser parser;
        const auto object = parser.parse(metadata.json()).extract<Poco::JSON::Object::Ptr>();
        CPPUNIT_ASSERT_EQUAL(every, object->getValue<std::string>("text"));
        CPPUNIT_ASSERT_EQUAL(1, object->getValue<int>(every));
        CPPUNIT_ASSERT_EQUAL(metadata.json(), canonical(metadata.json()));
    }

    void testNotANumberAndInfinitiesAreRefused()
    {
        for (const double number : {std::nan(""), std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()})
            assertNames(messageOf<InvalidLockRequest>([number] { Metadata{{"n", number}}; }), {"metadata", "infinite"});
    }

    void testTextThatIsNotUtf8IsRefused()
    {
        for (const char* bytes : {"\xFF", "\xC3", "a\x80", "\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80"})
        {
            assertNames(messageOf<InvalidLockRequest>([bytes] { Metadata{{"k", bytes}}; }), {"UTF-8"});
            assertNames(messageOf<InvalidLockRequest>([bytes] { Metadata{{bytes, 1}}; }), {"UTF-8"});
            assertRefused(std::string(R"({"k":")") + bytes + "\"}");
        }
    }

    void testDuplicateKeyIsRefused()
    {
        assertNames(messageOf<InvalidLockRequest>([] { Metadata{{"host", 1}, {"x", 2}, {"host", 3}}; }), {"\"host\" twice"});
        assertRefused(R"({"a":1,"a":2})");
        assertRefused(R"({"a":1,"\u0061":2})");
        assertRefused(R"({"o":{"a":1,"b":1,"a":2}})");
        assertRefused(R"({"o":[{"a":1,"a":2}]})");
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"a":{"a":1},"b":{"a":2}})"), canonical(R"({"a":{"a":1},"b":{"a":2}})"));
    }

    void testJSONTextBecomesCanonical()
    {
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"b":[1,true,null,{"x":"y"},[]],"a":"Grüße"})"),
                             canonical("\t{ \"b\" : [ 1 , true , null , { \"x\" : \"y\" } , [ ] ] ,\n\"a\" : \"Gr\\u00fc\\u00dfe\" }\r\n"));
    }

    void testEqualObjectsAreEqualHoweverTheyWereMade()
    {
        const Metadata made{{"host", "web-1"}, {"n", 3}};
        CPPUNIT_ASSERT(made == Metadata::fromJSON(R"( {"host" : "web-1", "n":3} )"));
        CPPUNIT_ASSERT(made != Metadata::fromJSON(R"({"host":"web-1","n":4})"));
    }

    void testWhatIsNotOneObjectIsRefused()
    {
        for (const char* text : {"",
                                 " ",
                                 "null",
                                 "true",
                                 "1",
                                 "1.5",
                                 "\"text\"",
                                 "[]",
                                 "[{}]",
                                 "{",
                                 "}",
                                 "{\"a\"}",
                                 "{\"a\":}",
                                 "{\"a\":1,}",
                                 "{a:1}",
                                 "{'a':1}",
                                 "{\"a\":1}}",
                                 "{}{}",
                                 "{} {}",
                                 "{},",
                                 "{} x",
                                 "x{}",
                                 "{\"a\":01}",
                                 "{\"a\":+1}",
                                 "{\"a\":.5}",
                                 "{\"a\":NaN}",
                                 "{\"a\":Infinity}",
                                 "{\"a\":nul}",
                                 "{\"a\":\"b}",
                                 "{\"a\":\"line\nbreak\"}",
                                 "{/**/}",
                                 "{\"a\":1 \"b\":2}",
                                 "[1",
                                 "{\"a\":[1}",
                                 "{\"a\":\"\\x41\"}",
                                 "{\"a\":\"\\ud800\"}",
                                 "{\"a\":1e999}",
                                 "\xEF\xBB\xBF{}x"})
            assertRefused(text);
        assertRefused(std::string("{}\0", 3));
        assertRefused(std::string("{}\0{}", 5));
    }

    void testNumbersOfJSONTextKeepTheirValue()
    {
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"a":-9223372036854775808,"b":18446744073709551615,"c":0,"d":-1})"),
                             canonical(R"({"a":-9223372036854775808,"b":18446744073709551615,"c":0,"d":-1})"));
    }

    // Guards against 1.0 that became 1, and 1e-400 that became 0.
    void testNumbersOfJSONTextStayAsTheyAreWritten()
    {
        const std::string text =
            R"({"a":1.0,"b":[1e-400,-2.50,1E30],"0.5":{"c":-0.0,"d":-0},"e":"7.0","f":0.1000000000000000055511151231})";
        CPPUNIT_ASSERT_EQUAL(text, canonical(text));
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"a":1.0,"b":2})"), canonical("{ \"a\" : 1.0 ,\n\"b\" : 2 }"));
    }

    void testNumberBeyondTheRangeOfADoubleIsRefused()
    {
        for (const char* number : {"1e999", "-1e400", "123e308"})
            assertNames(messageOf<InvalidLockRequest>([&] { Metadata::fromJSON(R"({"b":0.5,"a":)" + std::string(number) + "}"); }),
                        {"metadata", number});
    }

    // Guards against the parser, which silently reads 2^64 as 0, 2^64 + 1 as 1 and -2^63 - 1 as -2^63.
    void testWholeNumberBeyond64BitsIsRefusedAndNotTakenForAnother()
    {
        for (const std::string number : {"18446744073709551616", "18446744073709551617", "1844674407370955161600", "-9223372036854775809",
                                         "-18446744073709551617", "99999999999999999999", "-99999999999999999999"})
        {
            assertNames(messageOf<InvalidLockRequest>([&] { Metadata::fromJSON(R"({"a":)" + number + "}"); }), {number, "64 bits"});
            assertRefused(R"({"a":"b\\","c":[1,)" + number + "]}");
            const auto asText = R"({"a":"\")" + number + "\"}";
            CPPUNIT_ASSERT_EQUAL(asText, canonical(asText));
        }
    }

    // Guards against a real number without an exponent, which was read again as another integer: found by fuzzing.
    void testLargeRealIsReadAsTheSame()
    {
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"a":1844674407370955161600.0})"), canonical(R"({"a":1844674407370955161600.0})"));
        for (const double number :
             {0x1p53, 0x1p63, 0x1p64, 0x1p65, 1e20, 0x1p70, 1e22, 123456789012345678.0, 12345678901234567890.0, 1e300})
            for (const double either : {number, -number})
            {
                const Metadata metadata{{"n", either}};
                CPPUNIT_ASSERT_EQUAL(metadata.json(), canonical(metadata.json()));
                Poco::JSON::Parser parser;
                const auto read = parser.parse(metadata.json()).extract<Poco::JSON::Object::Ptr>();
                CPPUNIT_ASSERT_EQUAL(either, read->getValue<double>("n"));
                Poco::JSON::Object object;
                object.set("n", either);
                const auto copied = parser.parse(Metadata(object).json()).extract<Poco::JSON::Object::Ptr>();
                CPPUNIT_ASSERT_EQUAL(either, copied->getValue<double>("n"));
            }
    }

    void testEscapesOfJSONTextAreDecoded()
    {
        CPPUNIT_ASSERT_EQUAL(std::string("{\"a\":\"\xF0\x9F\x94\x92/\\u0000\\\"\"}"), canonical(R"({"a":"\ud83d\udd12\/\u0000\""})"));
    }

    void testHostileNestingIsRefusedAndDoesNoHarm()
    {
        CPPUNIT_ASSERT_EQUAL(nested(32), canonical(nested(32)));
        assertRefused(nested(33));
        assertRefused(R"({"a":)" + std::string(16'000, '['));
        assertRefused(R"({"a":)" + std::string(8000, '[') + std::string(8000, ']') + "}");
        assertRefused(std::string(16'000, '{'));
        assertRefused(std::string(1'000'000, '['));
    }

    void testSixteenKibibytesAreTheLimit()
    {
        const std::string frame = R"({"a":""})";
        const std::string fits(Metadata::maxBytes - frame.size(), 'x');
        const Metadata metadata{{"a", fits}};
        CPPUNIT_ASSERT_EQUAL(Metadata::maxBytes, metadata.json().size());
        CPPUNIT_ASSERT_EQUAL(metadata.json(), canonical(metadata.json()));
        assertNames(messageOf<InvalidLockRequest>([&] { Metadata{{"a", fits + "x"}}; }), {"16385", "16384"});
        assertRefused(R"({"a":")" + fits + "x\"}");
    }

    void testPocoObjectIsTaken()
    {
        Poco::JSON::Object object(Poco::JSON_PRESERVE_KEY_ORDER);
        object.set("text", "quote \" and Grüße");
        object.set("number", 7);
        object.set("real", 0.25);
        object.set("flag", true);
        object.set("none", Poco::Dynamic::Var());
        Poco::JSON::Array list;
        list.add(1);
        list.add("two");
        object.set("list", list);
        CPPUNIT_ASSERT_EQUAL(
            std::string(R"({"text":"quote \" and Grüße","number":7,"real":0.25,"flag":true,"none":null,"list":[1,"two"]})"),
            Metadata(object).json());
        CPPUNIT_ASSERT_EQUAL(std::string("{}"), Metadata(Poco::JSON::Object()).json());
    }

    // This does not use POCO's own writer, whose output depends on its version.
    void testEveryKindOfValueOfAPocoObjectIsWritten()
    {
        Poco::JSON::Object::Ptr inner(new Poco::JSON::Object);
        inner->set("least", std::numeric_limits<Poco::Int64>::min());
        inner->set("most", std::numeric_limits<Poco::UInt64>::max());
        Poco::JSON::Array::Ptr list(new Poco::JSON::Array);
        list->add(inner);
        list->add(0x1p64);
        list->add(-0x1p63);
        list->add('c');
        list->add(1e22);
        Poco::DynamicStruct members;
        members["m"] = std::vector<Poco::Dynamic::Var>{1, "two", Poco::Dynamic::Var()};
        Poco::OrderedDynamicStruct ordered;
        ordered["z"] = *inner;
        ordered["a"] = Poco::JSON::Array();
        Poco::JSON::Object object(Poco::JSON_PRESERVE_KEY_ORDER);
        object.set("list", list);
        object.set("members", members);
        object.set("ordered", ordered);
        CPPUNIT_ASSERT_EQUAL(std::string(R"({"list":[{"least":-9223372036854775808,"most":18446744073709551615},1.8446744073709552e+19,)"
                                         R"(-9.223372036854776e+18,"c",1e+22],"members":{"m":[1,"two",null]},)"
                                         R"("ordered":{"z":{"least":-9223372036854775808,"most":18446744073709551615},"a":[]}})"),
                             Metadata(object).json());
    }

    void testPocoObjectThatContainsItselfIsRefused()
    {
        Poco::JSON::Object::Ptr object(new Poco::JSON::Object);
        object->set("self", object);
        assertNames(messageOf<InvalidLockRequest>([&] { Metadata{*object}; }), {"nested too deeply"});
        object->remove("self");
        object->set("none", Poco::JSON::Object::Ptr());
        messageOf<InvalidLockRequest>([&] { Metadata{*object}; });
    }

    void testPocoObjectThatCannotBeJSONIsRefused()
    {
        Poco::JSON::Object notANumber;
        notANumber.set("n", std::nan(""));
        assertNames(messageOf<InvalidLockRequest>([&] { Metadata{notANumber}; }), {"infinite"});

        Poco::JSON::Object infinite;
        infinite.set("n", std::numeric_limits<double>::infinity());
        messageOf<InvalidLockRequest>([&] { Metadata{infinite}; });

        Poco::JSON::Object notUtf8;
        notUtf8.set("t", "a\xFFz");
        messageOf<InvalidLockRequest>([&] { Metadata{notUtf8}; });

        Poco::JSON::Object tooLong;
        tooLong.set("t", std::string(Metadata::maxBytes, 'x'));
        messageOf<InvalidLockRequest>([&] { Metadata{tooLong}; });

        struct Something
        {
        };
        Poco::JSON::Object noJson;
        noJson.set("s", Something{});
        assertNames(messageOf<InvalidLockRequest>([&] { Metadata{noJson}; }), {"metadata", "cannot be written as JSON"});
    }
};

CPPUNIT_TEST_SUITE_REGISTRATION(MetadataTest);
