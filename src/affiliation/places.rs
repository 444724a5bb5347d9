//! Places that stand behind a name ("DeepMind, London, UK"): countries, states of the USA and large cities.

use super::words::{Word, joined, plain_words};
use std::collections::HashSet;
use std::sync::OnceLock;

const COUNTRIES: &str = "argentina;australia;austria;belgium;brazil;bulgaria;canada;chile;china;colombia;croatia;cyprus;\
    czech republic;czechia;denmark;egypt;england;estonia;finland;france;germany;deutschland;greece;hong kong;hungary;iceland;\
    india;indonesia;iran;ireland;israel;italy;italia;japan;kenya;korea;south korea;latvia;lithuania;luxembourg;malaysia;mexico;\
    morocco;netherlands;the netherlands;new zealand;nigeria;norway;pakistan;peru;philippines;poland;portugal;qatar;romania;\
    russia;saudi arabia;scotland;serbia;singapore;slovakia;slovenia;south africa;spain;espana;sweden;switzerland;schweiz;\
    taiwan;thailand;turkey;turkiye;uae;united arab emirates;uk;united kingdom;ukraine;united states;united states of america;\
    us;usa;vietnam;wales;northern ireland;belgie;belgique;brasil;danmark;espagne;\
    magyarorszag;nederland;norge;osterreich;polska;suisse;suomi;sverige;svizzera;россия;украина;украіна;беларусь;\
    казахстан;中国;中國;日本;台湾;台灣;香港;대한민국;한국;\
    afghanistan;albania;algeria;andorra;angola;armenia;azerbaijan;bahrain;bangladesh;barbados;belarus;belize;\
    benin;bhutan;bolivia;bosnia and herzegovina;botswana;brunei;burkina faso;cambodia;cameroon;costa rica;\
    cote d ivoire;cuba;dominican republic;ecuador;el salvador;ethiopia;fiji;gabon;ghana;guatemala;haiti;\
    honduras;iraq;jamaica;jordan;kazakhstan;kosovo;kuwait;kyrgyzstan;laos;lebanon;liechtenstein;macau;\
    madagascar;malawi;maldives;mali;malta;mauritius;moldova;monaco;mongolia;montenegro;mozambique;myanmar;\
    namibia;nepal;nicaragua;niger;north macedonia;oman;panama;papua new guinea;paraguay;puerto rico;rwanda;\
    senegal;somalia;sri lanka;sudan;syria;tajikistan;tanzania;the philippines;trinidad and tobago;tunisia;\
    uganda;uruguay;uzbekistan;venezuela;viet nam;yemen;zambia;zimbabwe;republic of korea;\
    people s republic of china;pr china;p r china;prc;russian federation;the usa;the uk;the united states;\
    the united kingdom;u k;u s;u s a;great britain;republic of ireland;republic of china;czech rep;nl;gb;fr;dk;\
    jp;kr";

const STATES: &str = "alabama;alaska;arizona;arkansas;california;colorado;connecticut;delaware;florida;georgia;hawaii;idaho;\
    illinois;indiana;iowa;kansas;kentucky;louisiana;maine;maryland;massachusetts;michigan;minnesota;mississippi;missouri;\
    montana;nebraska;nevada;new hampshire;new jersey;new mexico;new york;north carolina;north dakota;ohio;oklahoma;oregon;\
    pennsylvania;rhode island;south carolina;south dakota;tennessee;texas;utah;vermont;virginia;washington;west virginia;\
    wisconsin;wyoming;al;ak;az;ar;ca;ct;dc;de;fl;ga;hi;id;il;ia;ks;ky;la;ma;md;me;mi;mn;mo;ms;mt;nc;nd;ne;nh;nj;nm;nv;ny;\
    oh;ok;or;pa;ri;sc;sd;tn;tx;ut;va;vt;wa;wi;wv;wy;ontario;quebec;british columbia;alberta;nsw;victoria;queensland;\
    bavaria;bayern;hessen;catalonia;ile de france;\
    andhra pradesh;assam;bihar;chhattisgarh;gujarat;haryana;himachal pradesh;jharkhand;karnataka;kerala;\
    madhya pradesh;maharashtra;odisha;punjab;rajasthan;tamil nadu;telangana;uttar pradesh;uttarakhand;\
    west bengal;new south wales;western australia;south australia;tasmania;manitoba;new brunswick;nova scotia;\
    saskatchewan;newfoundland;baden wurttemberg;nordrhein westfalen;north rhine westphalia;niedersachsen;\
    lower saxony;sachsen;saxony;thuringen;thuringia;hesse;rheinland pfalz;schleswig holstein;brandenburg;\
    lombardy;lombardia;piedmont;tuscany;toscana;lazio;andalusia;andalucia;catalunya;flanders;wallonia;scania;\
    occitanie;bretagne;brittany;normandie;guangdong;zhejiang;jiangsu;sichuan;hubei;hunan;shandong;fujian;henan;\
    liaoning;shaanxi;anhui;hokkaido;kanagawa;saitama;chiba;aichi;ibaraki;gyeonggi do;gyeonggi;sao paulo state;\
    minas gerais;parana;santa catarina;rio grande do sul;jalisco;nuevo leon";

const CITIES: &str = "amsterdam;antwerp;athens;atlanta;auckland;austin;bangalore;bengaluru;barcelona;basel;beijing;berlin;\
    bern;birmingham;bogota;bologna;bonn;boston;bratislava;brisbane;bristol;brussels;bucharest;budapest;buenos aires;cairo;\
    calgary;cambridge;cape town;charlotte;chennai;chicago;cologne;copenhagen;dallas;darmstadt;delhi;new delhi;denver;detroit;\
    dresden;dubai;dublin;dusseldorf;edinburgh;eindhoven;espoo;frankfurt;gdansk;geneva;ghent;glasgow;gothenburg;grenoble;\
    gurgaon;halle;hamburg;hangzhou;hanover;heidelberg;helsinki;ho chi minh city;houston;hyderabad;istanbul;jakarta;johannesburg;\
    karlsruhe;krakow;kuala lumpur;kyiv;kyoto;lausanne;leeds;leipzig;lima;lisbon;ljubljana;london;los angeles;lyon;madrid;\
    manchester;manila;mannheim;marseille;melbourne;menlo park;mexico city;miami;milan;milano;minneapolis;montreal;moscow;\
    mountain view;mumbai;munich;munchen;nairobi;new york city;nyc;osaka;oslo;ottawa;oxford;palo alto;paris;philadelphia;\
    phoenix;pittsburgh;porto;portland;prague;princeton;pune;redmond;riga;rio de janeiro;rome;roma;rotterdam;san diego;\
    san francisco;san jose;santiago;sao paulo;seattle;seoul;shanghai;shenzhen;sofia;st louis;stockholm;stuttgart;sunnyvale;\
    sydney;taipei;tallinn;tampa;tel aviv;the hague;tokyo;toronto;toulouse;turin;ulm;utrecht;vancouver;vienna;wien;vilnius;\
    warsaw;washington dc;zagreb;zurich;bruxelles;brussel;ciudad de mexico;den haag;firenze;geneve;goteborg;\
    kobenhavn;koln;lisboa;napoli;nurnberg;praha;torino;venezia;warszawa;москва;санкт петербург;новосибирск;минск;киев;\
    киів;北京;北京市;上海;上海市;深圳;深圳市;广州;广州市;杭州;杭州市;南京;成都;武汉;西安;東京;東京都;大阪;大阪市;\
    京都;京都市;名古屋;横浜;福岡;台北;台北市;서울;서울특별시;부산;대전;인천";

const CAMPUSES: &str = "\
    berkeley;los angeles;san diego;davis;irvine;santa barbara;santa cruz;riverside;merced;san francisco;\
    ann arbor;dearborn;flint;urbana champaign;urbana;champaign;chicago;springfield;austin;dallas;\
    arlington;el paso;san antonio;tyler;chapel hill;charlotte;greensboro;wilmington;asheville;pembroke;\
    madison;milwaukee;eau claire;la crosse;green bay;oshkosh;parkside;stevens point;whitewater;boulder;\
    denver;colorado springs;amherst;boston;lowell;dartmouth;college park;baltimore;baltimore county;\
    eastern shore;columbia;kansas city;st louis;lincoln;omaha;kearney;knoxville;chattanooga;martin;\
    memphis;tuscaloosa;huntsville;birmingham;anchorage;fairbanks;manoa;hilo;twin cities;duluth;\
    crookston;morris;rochester;fayetteville;little rock;pine bluff;las vegas;reno;bothell;tacoma;\
    bloomington;indianapolis;fort wayne;kokomo;south bend;new brunswick;newark;camden;college station;\
    galveston;kingsville;commerce;long beach;fullerton;northridge;fresno;sacramento;san bernardino;\
    san jose;san marcos;dominguez hills;east bay;chico;bakersfield;stanislaus;pomona;monterey bay;\
    channel islands;buffalo;stony brook;albany;binghamton;new paltz;oswego;geneseo;cortland;plattsburgh;\
    potsdam;oneonta;brockport;fredonia;university park;harrisburg;altoona;hazleton;tempe;bombay;delhi;\
    madras;kanpur;kharagpur;roorkee;guwahati;hyderabad;indore;mumbai;gandhinagar;patna;ropar;mandi;\
    jodhpur;bhubaneswar;tirupati;palakkad;dharwad;varanasi;pilani;goa;trichy;tiruchirappalli;surathkal;\
    warangal;calicut;galway;maynooth;cork;mona;st augustine;cave hill";

/// Whether the words are places, with or without post codes.
pub(crate) fn is_place(words: &[Word]) -> bool {
    let mut rest: Vec<&str> = words.iter().map(|word| word.plain.as_str()).collect();
    rest.retain(|word| !word.chars().any(|c| c.is_ascii_digit()));
    if rest.is_empty() {
        return false;
    }
    let mut rest = rest.as_slice();
    while !rest.is_empty() {
        let longest = (1..=rest.len().min(4)).rev().find(|&n| known().contains(&rest[..n].join(" ")));
        match longest {
            Some(n) => rest = &rest[n..],
            None => return false,
        }
    }
    true
}

/// Whether the words are places and end in a country or state, post codes aside: "IL 62701", "Bavaria, Germany".
pub(crate) fn is_region(words: &[Word]) -> bool {
    let words: Vec<&str> = words.iter().map(|word| word.plain.as_str()).collect();
    let names: Vec<&str> = words.iter().copied().filter(|word| !word.chars().any(|c| c.is_ascii_digit())).collect();
    (1..=names.len().min(4)).any(|n| regions().contains(&names[names.len() - n..].join(" ")))
}

/// Whether the words are a town in which a university of several has one: "Berkeley".
pub(crate) fn is_campus(words: &[Word]) -> bool {
    words.len() <= 3 && CAMPUSES.split(';').any(|campus| campus == joined(words))
}

/// Whether an organisation has its parts in several towns, such as the University of California.
pub(crate) fn has_campuses(words: &[Word]) -> bool {
    const SYSTEMS: [&str; 9] = [
        "indian institute of technology",
        "iit",
        "bits",
        "national institute of technology",
        "national university of ireland",
        "indiana university",
        "purdue university",
        "texas a m university",
        "university of the west indies",
    ];
    let name = words.iter().map(|word| word.plain.as_str()).filter(|word| *word != "the").collect::<Vec<_>>().join(" ");
    let state = name.strip_prefix("university of ").is_some_and(|state| regions().contains(state));
    state
        || name.ends_with("state university")
        || name.contains("university of new york")
        || SYSTEMS.contains(&name.as_str())
}

/// Plain forms of countries and states.
fn regions() -> &'static HashSet<String> {
    static KNOWN: OnceLock<HashSet<String>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let all = [COUNTRIES, STATES].into_iter().flat_map(|list| list.split(';'));
        all.map(|place| plain_words(place).join(" ")).collect()
    })
}

/// Plain forms of the places.
fn known() -> &'static HashSet<String> {
    static KNOWN: OnceLock<HashSet<String>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let all = [COUNTRIES, STATES, CITIES].into_iter().flat_map(|list| list.split(';'));
        all.map(|place| plain_words(place).join(" ")).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::affiliation::words::words;

    #[test]
    fn places_with_post_codes_and_nothing_else() {
        for place in
            ["London", "Cambridge, MA 02139", "75005 Paris", "Zürich", "São Paulo Brazil", "New York NY", "U.S.A."]
        {
            assert!(is_place(&words(place)), "{place}");
        }
        for other in ["London Business", "3M", "94305", "", "Parisian", "New"] {
            assert!(!is_place(&words(other)), "{other}");
        }
    }

    #[test]
    fn regions_and_campuses() {
        for region in ["Germany", "IL 62701", "Bavaria Germany", "U.S.A."] {
            assert!(is_region(&words(region)), "{region}");
        }
        assert!(!is_region(&words("Berlin")) && !is_region(&words("62701")) && !is_region(&[]));
        assert!(
            has_campuses(&words("The University of California")) && has_campuses(&words("California State University"))
        );
        assert!(!has_campuses(&words("University of Bristol")) && !is_campus(&words("Google")));
    }
}
