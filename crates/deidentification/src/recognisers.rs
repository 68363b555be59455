//! What an identifier looks like: one file per recogniser, one line in the table.
//!
//! A recogniser is data: expressions with a base score, an arithmetic check that refuses what
//! cannot be, words that speak for it, and examples that the conformance suite runs. It never
//! sees more than its own match. Names, places and organisations have no form that an
//! expression could know; a span model finds those.

use crate::detection::Score;
use freehold_vocabulary::DataClass;

mod age;
mod au_abn;
mod au_acn;
mod au_medicare;
mod au_tfn;
mod bank_account;
mod be_national_number;
mod biometric_id;
mod br_cnpj;
mod br_cpf;
mod ca_sin;
mod certificate_number;
mod ch_ahv;
mod cn_resident_id;
mod coordinates;
mod credit_card;
mod crypto_address;
mod date;
mod de_identity_card;
mod de_social_insurance;
mod de_tax_id;
mod device_imei;
mod device_serial;
mod dk_cpr;
mod email;
mod es_nie;
mod es_nif;
mod fi_hetu;
mod fr_nir;
mod health_plan_number;
mod iban;
mod ie_ppsn;
mod in_aadhaar;
mod in_gstin;
mod in_pan;
mod in_passport;
mod in_voter;
mod ip_address;
mod it_fiscal_code;
mod it_identity_card;
mod it_licence;
mod it_passport;
mod it_vat;
mod jp_my_number;
mod kr_rrn;
mod mac_address;
mod medical_record_number;
mod ng_nin;
mod nl_bsn;
mod no_fnr;
mod ph_identity;
mod phone;
mod pl_nip;
mod pl_pesel;
mod postal_code;
mod pt_nif;
mod se_personnummer;
mod secret_api_key;
mod secret_assignment;
mod secret_authorization;
mod secret_jwt;
mod secret_private_key;
mod secret_url_credentials;
mod sg_nric;
mod sg_uen;
mod th_tnin;
mod tr_identity;
mod uk_driving_licence;
mod uk_nhs;
mod uk_nino;
mod uk_passport;
mod uk_postcode;
mod uk_utr;
mod url;
mod us_aba_routing;
mod us_dea;
mod us_driver_license;
mod us_ein;
mod us_itin;
mod us_mbi;
mod us_npi;
mod us_passport;
mod us_ssn;
mod us_zip;
mod vehicle_plate;
mod vehicle_vin;
mod weekday;
mod za_identity;

/// Every recogniser, in alphabetical order; the order breaks ties.
pub const RECOGNISERS: &[Recogniser] = &[
    age::RECOGNISER,
    au_abn::RECOGNISER,
    au_acn::RECOGNISER,
    au_medicare::RECOGNISER,
    au_tfn::RECOGNISER,
    bank_account::RECOGNISER,
    be_national_number::RECOGNISER,
    biometric_id::RECOGNISER,
    br_cnpj::RECOGNISER,
    br_cpf::RECOGNISER,
    ca_sin::RECOGNISER,
    certificate_number::RECOGNISER,
    ch_ahv::RECOGNISER,
    cn_resident_id::RECOGNISER,
    coordinates::RECOGNISER,
    credit_card::RECOGNISER,
    crypto_address::RECOGNISER,
    date::RECOGNISER,
    de_identity_card::RECOGNISER,
    de_social_insurance::RECOGNISER,
    de_tax_id::RECOGNISER,
    device_imei::RECOGNISER,
    device_serial::RECOGNISER,
    dk_cpr::RECOGNISER,
    email::RECOGNISER,
    es_nie::RECOGNISER,
    es_nif::RECOGNISER,
    fi_hetu::RECOGNISER,
    fr_nir::RECOGNISER,
    health_plan_number::RECOGNISER,
    iban::RECOGNISER,
    ie_ppsn::RECOGNISER,
    in_aadhaar::RECOGNISER,
    in_gstin::RECOGNISER,
    in_pan::RECOGNISER,
    in_passport::RECOGNISER,
    in_voter::RECOGNISER,
    ip_address::RECOGNISER,
    it_fiscal_code::RECOGNISER,
    it_identity_card::RECOGNISER,
    it_licence::RECOGNISER,
    it_passport::RECOGNISER,
    it_vat::RECOGNISER,
    jp_my_number::RECOGNISER,
    kr_rrn::RECOGNISER,
    mac_address::RECOGNISER,
    medical_record_number::RECOGNISER,
    ng_nin::RECOGNISER,
    nl_bsn::RECOGNISER,
    no_fnr::RECOGNISER,
    ph_identity::RECOGNISER,
    phone::RECOGNISER,
    pl_nip::RECOGNISER,
    pl_pesel::RECOGNISER,
    postal_code::RECOGNISER,
    pt_nif::RECOGNISER,
    se_personnummer::RECOGNISER,
    secret_api_key::RECOGNISER,
    secret_assignment::RECOGNISER,
    secret_authorization::RECOGNISER,
    secret_jwt::RECOGNISER,
    secret_private_key::RECOGNISER,
    secret_url_credentials::RECOGNISER,
    sg_nric::RECOGNISER,
    sg_uen::RECOGNISER,
    th_tnin::RECOGNISER,
    tr_identity::RECOGNISER,
    uk_driving_licence::RECOGNISER,
    uk_nhs::RECOGNISER,
    uk_nino::RECOGNISER,
    uk_passport::RECOGNISER,
    uk_postcode::RECOGNISER,
    uk_utr::RECOGNISER,
    url::RECOGNISER,
    us_aba_routing::RECOGNISER,
    us_dea::RECOGNISER,
    us_driver_license::RECOGNISER,
    us_ein::RECOGNISER,
    us_itin::RECOGNISER,
    us_mbi::RECOGNISER,
    us_npi::RECOGNISER,
    us_passport::RECOGNISER,
    us_ssn::RECOGNISER,
    us_zip::RECOGNISER,
    vehicle_plate::RECOGNISER,
    vehicle_vin::RECOGNISER,
    weekday::RECOGNISER,
    za_identity::RECOGNISER,
];

/// One sort of identifier and how it is told.
#[derive(Debug, Clone, Copy)]
pub struct Recogniser {
    pub name: &'static str,
    pub kind: Kind,
    pub pack: Pack,
    /// The least data class of a text that holds one.
    pub class: DataClass,
    pub anchor: Anchor,
    pub patterns: &'static [Pattern],
    /// Whether the arithmetic of the identifier holds; what fails is never reported.
    pub check: fn(&str) -> bool,
    /// Words that raise the score when they stand near, in lower case.
    pub context: &'static [&'static str],
    /// Examples: what stands between ⟦ and ⟧ is found, exactly and alone.
    pub found: &'static [&'static str],
    /// Near misses: nothing in them is found.
    pub passed_over: &'static [&'static str],
}

impl Recogniser {
    /// What most recognisers have in common.
    const BASE: Self = Self {
        name: "",
        kind: Kind::new(""),
        pack: Pack::Global,
        class: DataClass::Internal,
        anchor: Anchor::Digits(1),
        patterns: &[],
        check: |_| true,
        context: &[],
        found: &[],
        passed_over: &[],
    };
}

/// What must occur in a text before the expressions are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// A group of at least that many digits, with little between them.
    Digits(u8),
    /// One of these, whatever its case.
    Literals(&'static [&'static str]),
}

/// One expression. A group in it, if any, is the identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    pub regex: &'static str,
    /// How sure a match is if its check holds and no context word stands near.
    pub score: Score,
    pub edges: Edges,
}

/// What may stand directly before and after a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edges {
    /// No letter, digit or underscore of ASCII.
    Word,
    /// Also no `-` or `.` that leads to another digit.
    Number,
    /// Whatever the expression allows.
    Free,
}

impl Pattern {
    const fn word(regex: &'static str, score: u8) -> Self {
        Self { regex, score: Score::percent(score), edges: Edges::Word }
    }

    const fn number(regex: &'static str, score: u8) -> Self {
        Self { regex, score: Score::percent(score), edges: Edges::Number }
    }

    const fn free(regex: &'static str, score: u8) -> Self {
        Self { regex, score: Score::percent(score), edges: Edges::Free }
    }
}

/// What an identifier identifies: a stable name in capitals, as it stands in placeholders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(&'static str);

impl Kind {
    pub const AGE: Self = Self("AGE");
    pub const DATE: Self = Self("DATE");
    pub const DEVICE_ID: Self = Self("DEVICE_ID");
    pub const PASSPORT: Self = Self("PASSPORT");
    pub const POSTAL_CODE: Self = Self("POSTAL_CODE");
    pub const SECRET: Self = Self("SECRET");
    pub const URL: Self = Self("URL");
    pub const VEHICLE_ID: Self = Self("VEHICLE_ID");
    /// Found by span models, not by expressions.
    pub const LOCATION: Self = Self("LOCATION");
    pub const ORGANIZATION: Self = Self("ORGANIZATION");
    pub const PERSON: Self = Self("PERSON");
    /// Text of the user's own that looks like a placeholder.
    pub const LITERAL: Self = Self("LITERAL");

    const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The kind of that name, whatever its case; `None` if no recogniser or model has it.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|it| it.0.eq_ignore_ascii_case(name))
    }

    /// Every kind that text can be searched for, in alphabetical order.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let models = [Self::LOCATION, Self::ORGANIZATION, Self::PERSON];
        let mut all: Vec<Self> = RECOGNISERS.iter().map(|it| it.kind).chain(models).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// The least data class of a text that holds one of this kind.
    #[must_use]
    pub fn class(self) -> DataClass {
        let classes = RECOGNISERS.iter().filter(|it| it.kind == self).map(|it| it.class);
        classes.max().unwrap_or(DataClass::Confidential)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// A country's recognisers, which can be left out; what is global always runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pack {
    Global,
    Au,
    Be,
    Br,
    Ca,
    Ch,
    Cn,
    De,
    Dk,
    Es,
    Fi,
    Fr,
    Ie,
    In,
    It,
    Jp,
    Kr,
    Ng,
    Nl,
    No,
    Ph,
    Pl,
    Pt,
    Se,
    Sg,
    Th,
    Tr,
    Uk,
    Us,
    Za,
}

impl Pack {
    /// Every pack, in alphabetical order behind the global one.
    pub const ALL: [Self; 30] = [
        Self::Global,
        Self::Au,
        Self::Be,
        Self::Br,
        Self::Ca,
        Self::Ch,
        Self::Cn,
        Self::De,
        Self::Dk,
        Self::Es,
        Self::Fi,
        Self::Fr,
        Self::Ie,
        Self::In,
        Self::It,
        Self::Jp,
        Self::Kr,
        Self::Ng,
        Self::Nl,
        Self::No,
        Self::Ph,
        Self::Pl,
        Self::Pt,
        Self::Se,
        Self::Sg,
        Self::Th,
        Self::Tr,
        Self::Uk,
        Self::Us,
        Self::Za,
    ];

    /// The lower-case country code (`uk` as people write it), or `global`.
    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}").to_ascii_lowercase()
    }

    /// The pack of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(name))
    }
}

/// Whether an identifier that is mostly digits holds enough of them.
fn has_digits(text: &str, least: usize) -> bool {
    text.bytes().filter(u8::is_ascii_digit).count() >= least
}
