//! The rows of the shop, one after the other, bad ones at places that the seed chooses.

use super::{
    random::Random,
    words::{FIRST_NAMES, LAST_NAMES, MAIL_HOSTS, MAIL_NAMES, MAKES, PRAISE, STATUSES, STYLES, THINGS},
};

pub(super) const CUSTOMERS: u64 = 12_000;
pub(super) const PRODUCTS: u64 = 800;
pub(super) const ORDERS: u64 = 30_000;

/// Customers count from here, so that all of their numbers have five digits.
const FIRST_CUSTOMER: u64 = 10_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Customer {
    pub(super) entry_no: u64,
    pub(super) customer_id: String,
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) created_date: String,
    pub(super) customer_tier: String,
    pub(super) birth_year: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Product {
    pub(super) product_id: u64,
    pub(super) sku: String,
    pub(super) title: String,
    pub(super) description: Option<&'static str>,
    pub(super) cents: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) order_id: u64,
    pub(super) customer_id: String,
    pub(super) product_id: u64,
    /// Text, since in this shop not every quantity is a number.
    pub(super) quantity: String,
    pub(super) ordered_at: String,
    pub(super) status: &'static str,
    pub(super) cents: u64,
}

/// `many` different places from 1 to `rows`, ascending: one in each of as many equal stretches.
pub(super) fn places(random: &mut Random, many: u64, rows: u64) -> Vec<u64> {
    let stretch = rows / many;
    (0..many).map(|at| at * stretch + random.between(1, stretch)).collect()
}

pub(super) fn customer(random: &mut Random, entry_no: u64) -> Customer {
    let tier = match random.below(10) {
        0 => "gold",
        1..4 => "silver",
        _ => "bronze",
    };
    Customer {
        entry_no,
        customer_id: customer_id(entry_no),
        name: name(random),
        email: (!random.one_in(40)).then(|| email(random)),
        created_date: created_date(random),
        customer_tier: tier.to_owned(),
        birth_year: (!random.one_in(30)).then(|| random.between(1938, 2006)),
    }
}

fn customer_id(entry_no: u64) -> String {
    (FIRST_CUSTOMER + entry_no).to_string()
}

/// A name as people typed it: with a blank too many here and there.
fn name(random: &mut Random) -> String {
    let name = format!("{} {}", random.pick(FIRST_NAMES), random.pick(LAST_NAMES));
    match random.below(12) {
        0 => format!(" {name}"),
        1 => format!("{name}  "),
        2 => format!("   {name} "),
        _ => name,
    }
}

fn email(random: &mut Random) -> String {
    let address = format!("{}.{}@{}", random.pick(MAIL_NAMES), random.below(10_000), random.pick(MAIL_HOSTS));
    match random.below(8) {
        0 => address.to_uppercase(),
        1 => address[..1].to_uppercase() + &address[1..],
        2 => address + " ",
        _ => address,
    }
}

fn created_date(random: &mut Random) -> String {
    let (year, month, day) = day(random);
    format!("{month:02}/{day:02}/{year}")
}

/// A day that every month has.
fn day(random: &mut Random) -> (u64, u64, u64) {
    (random.between(2015, 2024), random.between(1, 12), random.between(1, 28))
}

pub(super) fn product(random: &mut Random, product_id: u64) -> Product {
    let (style, make, thing) = (random.pick(STYLES), random.pick(MAKES), random.pick(THINGS));
    let initials: String = [style, make, thing].iter().filter_map(|word| word.chars().next()).collect();
    Product {
        product_id,
        sku: format!("{initials}-{product_id:04}"),
        title: format!("{style} {make} {thing}"),
        description: (!random.one_in(20)).then(|| random.pick(PRAISE)),
        cents: random.between(250, 49_999),
    }
}

/// An order of a customer that is not among `strangers`: those go nowhere while they are bad.
pub(super) fn order(random: &mut Random, order_id: u64, products: &[Product], strangers: &[u64]) -> Order {
    let product = &products[random.below(products.len() as u64) as usize];
    let quantity = if random.one_in(4) { random.between(2, 9) } else { 1 };
    Order {
        order_id,
        customer_id: customer_id(known_customer(random, strangers)),
        product_id: product.product_id,
        quantity: quantity.to_string(),
        ordered_at: ordered_at(random),
        status: status(random),
        cents: product.cents * quantity,
    }
}

fn known_customer(random: &mut Random, strangers: &[u64]) -> u64 {
    loop {
        let entry_no = random.between(1, CUSTOMERS);
        if !strangers.contains(&entry_no) {
            return entry_no;
        }
    }
}

fn ordered_at(random: &mut Random) -> String {
    let (year, month, day) = day(random);
    let (hour, minute, second) = (random.below(24), random.below(60), random.below(60));
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

fn status(random: &mut Random) -> &'static str {
    let mut left = random.below(100);
    for (status, share) in STATUSES {
        if left < *share {
            return status;
        }
        left -= share;
    }
    "delivered"
}
